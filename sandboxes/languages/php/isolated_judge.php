<?php
// The judge's side of the evidence `isolated`: runs the test, and asks the program for results.
//
// No line of the program runs in this process, so the nonce can be held in a variable. What the program
// sends is checked and made into plain data (see isolated_codec.php); what it threw is thrown here by
// the name of the built-in class that it derives from.
namespace forkeval;

require __DIR__ . '/isolated_codec.php';

final class Judge {
    private const THROWN = [
        'Exception', 'ErrorException', 'Error', 'TypeError', 'ValueError', 'ArithmeticError',
        'DivisionByZeroError', 'ArgumentCountError', 'AssertionError', 'UnhandledMatchError',
        'JsonException', 'LogicException', 'BadFunctionCallException', 'BadMethodCallException',
        'DomainException', 'InvalidArgumentException', 'LengthException', 'OutOfRangeException',
        'RuntimeException', 'OutOfBoundsException', 'OverflowException', 'RangeException',
        'UnderflowException', 'UnexpectedValueException',
    ];
    private string $nonce;
    private $program;
    private \WeakMap $lines; // of what the program threw
    private bool $reported = false;

    public function __construct(private string $entry, private string $path) {
        $channel = fopen('php://fd/3', 'rb');
        $this->nonce = read_bytes($channel, 32);
        fclose($channel);
        $this->program = open(4);
        $this->lines = new \WeakMap();
    }

    public function report(string $how, int $line, string $what): never {
        if (!$this->reported) {
            $this->reported = true;
            $plain = preg_replace('/[^ -~]/', '?', substr(strtok($what, "\r\n") ?: '', 0, 300));
            file_put_contents('/sandbox/done', "$this->nonce $how $line $plain\n");
        }
        exit($how === 'completed' ? 0 : 1);
    }

    private static function count(mixed $line): int {
        return is_int($line) && $line >= 0 && $line < 1 << 31 ? $line : throw new Forged('no line');
    }

    private static function text(mixed $text): string {
        return is_string($text) ? $text : throw new Forged('no text');
    }

    private function receive(): array {
        try {
            return receive($this->program);
        } catch (HungUp) {
            $this->report('gone', 0, '');
        }
    }

    // Waits until the program stands.
    public function meet(): void {
        try {
            $said = $this->receive();
            if ($said === ['ready']) {
                return;
            }
            [$how, $names, $message, $line] = $said;
            if ($how !== 'compile' && $how !== 'raised') {
                throw new Forged('a greeting of no known kind');
            }
            $what = self::text($names[0]) . ': ' . self::text($message);
            $line = max(self::count($line), 1);
        } catch (\Throwable $error) {
            $this->report('forged', 0, $error->getMessage());
        }
        $this->report($how, $line, $what);
    }

    // The program's result for these arguments (references, where the function takes them so).
    public function call(array $arguments): mixed {
        $writer = new Writer();
        try {
            $list = [];
            foreach ($arguments as $value) {
                $list[] = $writer->value($value);
            }
            // Drawn anew, so that no answer can be written before its question.
            $id = bin2hex(random_bytes(16));
            send($this->program, [$id, $this->entry, $list, $writer->objects]);
        } catch (NotPlain $error) {
            $this->report('unfit', 0, $error->getMessage());
        } catch (HungUp) {
            $this->report('gone', 0, '');
        } catch (TooMuch $error) {
            // It may hold results of the program, which must not have a say in what is asked for.
            $this->report('raised', 1, 'TooMuch: ' . $error->getMessage());
        }
        $thrown = null;
        $result = null;
        try {
            $answer = $this->receive();
            if (count($answer) !== 5 || $answer[0] !== $id) {
                throw new Forged('an answer to no question');
            }
            [, $outcome, $after, $known, $objects] = $answer;
            $reader = new Reader($objects, $writer->known());
            foreach ($known as $number => $properties) {
                if (!is_int($number) || $number >= count($writer->objects)) {
                    throw new Forged('a change of nothing');
                }
                $reader->fill($number, $properties);
            }
            if ($outcome[0] === 'value' && count($outcome) === 2) {
                $result = $reader->value($outcome[1]);
                $values = array_map(fn ($value) => $reader->value($value), $after);
                if (count($values) !== count($list)) {
                    throw new Forged('arguments of another number');
                }
            } elseif ($outcome[0] === 'raised') {
                [, $names, $message, $line] = $outcome;
                $thrown = $this->thrown($names, self::text($message), self::count($line));
                $values = [];
            } else {
                throw new Forged('an answer of no known kind');
            }
        } catch (\Throwable $error) {
            $this->report('forged', 0, $error->getMessage());
        }
        if ($thrown) {
            throw $thrown;
        }
        foreach ($values as $key => $value) {
            $arguments[$key] = $value; // through the reference, where it is one
        }
        return $result;
    }

    private function thrown(array $names, string $message, int $line): \Throwable {
        $known = array_values(array_intersect($names, self::THROWN));
        $own = self::text($names[0]);
        $class = $known[0] ?? 'Error';
        $error = new $class($message);
        $this->lines[$error] = [max($line, 1), $own];
        return $error;
    }

    public function failed(\Throwable $error): never {
        [$line, $name] = $this->lines[$error] ?? [null, get_class($error)];
        if ($line === null) {
            $line = 0;
            foreach ([['file' => $error->getFile(), 'line' => $error->getLine()], ...$error->getTrace()] as $frame) {
                if (($frame['file'] ?? '') === $this->path) {
                    $line = $frame['line'];
                    break;
                }
            }
        }
        $how = $error instanceof \ParseError && $error->getFile() === $this->path ? 'compile' : 'raised';
        fwrite(STDERR, (string) $error . "\n");
        $this->report($how, $line, "$name: " . $error->getMessage());
    }

    public function ended(): void {
        $error = error_get_last();
        if (!$this->reported && $error !== null && $error['type'] & (E_ERROR | E_COMPILE_ERROR)) {
            $how = $error['type'] & E_COMPILE_ERROR ? 'compile' : 'raised';
            $this->report($how, $error['line'], 'Fatal error: ' . $error['message']);
        }
    }

    // The program text whose function asks the program, with the test on its own lines.
    public static function source(string $prompt, string $entry, string $test): string {
        $parts = preg_split('/(?=function\s+&?\s*' . preg_quote($entry, '/') . '\s*\()/i', $prompt);
        $own = count($parts) > 1 ? end($parts) : '';
        $brace = strpos($own, '{');
        if ($brace === false) {
            $head = (trim($prompt) === '' ? '<?php ' : $prompt) . "function $entry(...\$values) { return \\forkeval\\call(\$values); } ";
        } else {
            $ask = str_contains(substr($own, 0, $brace), '&')
                ? '$forkeval = []; foreach (array_keys(get_defined_vars()) as $name) { if ($name !== "forkeval") { $forkeval[] = &$$name; } } return \forkeval\call($forkeval);'
                : 'return \forkeval\call(func_get_args());';
            $head = $prompt . $ask . ' } ';
        }
        // Lines keep the numbers that they have in the whole program.
        $lines = min(substr_count($head, "\n"), strspn($test, "\n"));
        return $head . substr($test, $lines);
    }
}

function call(array $arguments): mixed {
    return $GLOBALS['forkeval_judge']->call($arguments);
}

(static function (string $folder) {
    $path = "$folder/program.php";
    $entry = file_get_contents("$folder/entry");
    $judge = $GLOBALS['forkeval_judge'] = new Judge($entry, $path);
    file_put_contents(
        $path,
        Judge::source(file_get_contents("$folder/prompt"), $entry, file_get_contents("$folder/test")),
    );
    register_shutdown_function([$judge, 'ended']);
    $judge->meet();
})($argv[1]);

try {
    require "$argv[1]/program.php";
} catch (\Throwable $error) {
    $GLOBALS['forkeval_judge']->failed($error);
}
$GLOBALS['forkeval_judge']->report('completed', 0, '');
