<?php
// The program's side of the evidence `isolated`: runs prompt and completion, then answers calls.
//
// Nothing here is trusted, for it shares its process with the program: what it says is checked by the
// judge. A request is [id, function, arguments, objects]; an answer carries its id.
namespace forkeval;

require __DIR__ . '/isolated_codec.php';

final class Program {
    public static $judge;
    public static ?string $id = null; // of the question that is open
    public static bool $done = false;

    // ["raised", type names, message, line]
    public static function raised(\Throwable $error): array {
        $names = [get_class($error), ...array_values(class_parents($error))];
        return ['raised', $names, self::text($error->getMessage()), self::line($error)];
    }

    public static function text(string $text): string {
        return preg_match('//u', $text) ? substr($text, 0, 2000) : bin2hex(substr($text, 0, 1000));
    }

    private static function line(\Throwable $error): int {
        foreach ([['file' => $error->getFile(), 'line' => $error->getLine()], ...$error->getTrace()] as $frame) {
            if (($frame['file'] ?? '') === PATH) {
                return $frame['line'];
            }
        }
        return 0;
    }

    public static function serve(): void {
        send(self::$judge, ['ready']);
        for (;;) {
            [self::$id, $name, $list, $objects] = receive(self::$judge);
            $reader = new Reader($objects);
            $arguments = array_map(fn ($value) => $reader->value($value), $list);
            $references = [];
            foreach ($arguments as $key => $_) {
                $references[] = &$arguments[$key];
            }
            $writer = new Writer($reader->known);
            try {
                $outcome = ['value', $writer->value($name(...$references))];
                $after = array_map(fn ($value) => $writer->value($value), $arguments);
                $known = array_map(fn ($object) => $writer->properties($object), $reader->known);
            } catch (\Throwable $error) {
                $outcome = self::raised($error);
                $writer = new Writer($reader->known);
                $after = $list;
                $known = $objects;
            }
            $answer = [self::$id, $outcome, $after, $known, $writer->objects];
            try {
                send(self::$judge, $answer);
            } catch (TooMuch $error) {
                send(self::$judge, [self::$id, self::raised($error), $list, $objects, []]);
            }
            self::$id = null;
        }
    }
}

define('forkeval\PATH', $argv[1]);
$argv = [$argv[1]];
$argc = 1;
$_SERVER['argv'] = $argv;
Program::$judge = open(3);
// An error that ends the script without being thrown, such as that of the memory limit.
register_shutdown_function(function () {
    $error = error_get_last();
    if ($error === null || !($error['type'] & (E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_PARSE))) {
        return;
    }
    $what = ['raised', ['Fatal error'], Program::text($error['message']), $error['file'] === PATH ? $error['line'] : 0];
    $how = $error['type'] & (E_COMPILE_ERROR | E_PARSE) ? ['compile', ...array_slice($what, 1)] : $what;
    send(Program::$judge, Program::$id === null ? $how : [Program::$id, $what, [], [], []]);
});
unset($argv, $argc);

(static function () {
    try {
        require PATH;
    } catch (\ParseError $error) {
        if ($error->getFile() === PATH) {
            send(Program::$judge, ['compile', ...array_slice(Program::raised($error), 1)]);
        }
        throw $error;
    } catch (\Throwable $error) {
        send(Program::$judge, Program::raised($error));
        throw $error;
    }
    try {
        Program::serve();
    } catch (HungUp) {
        exit(0);
    }
})();
