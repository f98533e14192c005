<?php
// Plain data as text that another process may send, without ever running what it says.
//
// A message is a JSON array. In it null, booleans, numbers and UTF-8 strings are themselves; anything
// else is an array that starts with its kind: ["l", value...] a list, ["m", key, value, ...] an array
// with keys in order, ["f", "NAN"] and its like, ["b", hexadecimal] a string of other bytes, ["o", n]
// object n of the message, a stdClass whose properties stand in the message's list of objects.
namespace forkeval;

const MOST_BYTES = 32 << 20;
const MOST_DEPTH = 400;

class NotPlain extends \Exception {}
class TooMuch extends \Exception {}
class Forged extends \Exception {}
class HungUp extends \Exception {}

class Writer {
    public array $objects = []; // properties, by number
    private \SplObjectStorage $numbers;
    private array $own = []; // the objects themselves

    public function __construct(private array $known = []) {
        $this->numbers = new \SplObjectStorage();
        foreach ($known as $number => $object) {
            $this->numbers[$object] = $number;
        }
    }

    public function value(mixed $value, int $depth = 0): mixed {
        if ($depth > MOST_DEPTH) {
            throw new TooMuch('values too deep inside each other');
        }
        if ($value === null || is_bool($value) || is_int($value)) {
            return $value;
        }
        if (is_float($value)) {
            return is_finite($value) ? $value : ['f', (string) $value];
        }
        if (is_string($value)) {
            return preg_match('//u', $value) ? $value : ['b', bin2hex($value)];
        }
        if (is_array($value)) {
            $plain = array_is_list($value);
            $found = [$plain ? 'l' : 'm'];
            foreach ($value as $key => $item) {
                if (!$plain) {
                    $found[] = is_int($key) ? $key : $this->value($key);
                }
                $found[] = $this->value($item, $depth + 1);
            }
            return $found;
        }
        if (is_object($value) && get_class($value) === 'stdClass') {
            if (!isset($this->numbers[$value])) {
                $number = count($this->known) + count($this->objects);
                $this->numbers[$value] = $number;
                $this->own[] = $value;
                $this->objects[] = null; // numbered before its contents: it may hold itself
                $this->objects[$number - count($this->known)] = $this->properties($value, $depth);
            }
            return ['o', $this->numbers[$value]];
        }
        throw new NotPlain(get_debug_type($value) . ' is no plain data');
    }

    // Every object that the other side has once the message is read, by number.
    public function known(): array {
        return [...$this->known, ...$this->own];
    }

    public function properties(object $value, int $depth = 0): mixed {
        return $this->value((array) $value, $depth + 1);
    }
}

class Reader {
    // The objects of the message, behind those that are known.
    public function __construct(array $objects, public array $known = []) {
        $first = count($known);
        foreach ($objects as $_) {
            $this->known[] = new \stdClass();
        }
        foreach (array_values($objects) as $number => $properties) {
            $this->fill($first + $number, $properties);
        }
    }

    public function fill(int $number, mixed $properties): void {
        $object = $this->known[$number] ?? throw new Forged('an object that is not there');
        $values = $this->value($properties);
        if (!is_array($values)) {
            throw new Forged('properties of no kind');
        }
        foreach (array_keys((array) $object) as $name) {
            unset($object->$name);
        }
        foreach ($values as $name => $value) {
            if ($name === '' || str_contains((string) $name, "\0")) {
                throw new Forged('a property of an odd name');
            }
            $object->$name = $value;
        }
    }

    public function value(mixed $value): mixed {
        if (!is_array($value)) {
            return $value;
        }
        if (!array_is_list($value) || $value === []) {
            throw new Forged('a value of no kind');
        }
        $kind = array_shift($value);
        switch ($kind) {
            case 'l':
                return array_map(fn ($item) => $this->value($item), $value);
            case 'm':
                $found = [];
                if (count($value) % 2) {
                    throw new Forged('a key without a value');
                }
                for ($i = 0; $i < count($value); $i += 2) {
                    $key = $this->value($value[$i]);
                    if (!is_int($key) && !is_string($key)) {
                        throw new Forged('a key of no kind');
                    }
                    $found[$key] = $this->value($value[$i + 1]);
                }
                return $found;
            case 'f':
                $known = ['NAN' => NAN, 'INF' => INF, '-INF' => -INF];
                return $known[$value[0]] ?? throw new Forged('a number of no kind');
            case 'b':
                $bytes = is_string($value[0] ?? null) ? @hex2bin($value[0]) : false;
                return $bytes === false ? throw new Forged('bytes of no kind') : $bytes;
            case 'o':
                $number = $value[0] ?? null;
                if (!is_int($number)) {
                    throw new Forged('a reference of no kind');
                }
                return $this->known[$number] ?? throw new Forged('a reference to nothing');
        }
        throw new Forged('a value of no known kind');
    }
}

function read_bytes($stream, int $size): string {
    $data = '';
    while (strlen($data) < $size) {
        $part = fread($stream, min($size - strlen($data), 1 << 16));
        if ($part === false || $part === '') {
            throw new HungUp();
        }
        $data .= $part;
    }
    return $data;
}

function receive($stream): array {
    $size = unpack('N', read_bytes($stream, 4))[1];
    if ($size > MOST_BYTES) {
        throw new Forged("a message of $size bytes");
    }
    $message = json_decode(read_bytes($stream, $size), true, MOST_DEPTH + 100);
    if (!is_array($message) || !array_is_list($message)) {
        throw new Forged('no list');
    }
    return $message;
}

function send($stream, array $message): void {
    $flags = JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES;
    $data = json_encode($message, $flags, MOST_DEPTH + 100);
    if ($data === false || strlen($data) > MOST_BYTES) {
        throw new TooMuch('more than a call may take');
    }
    $data = pack('N', strlen($data)) . $data;
    while ($data !== '') {
        $sent = @fwrite($stream, $data);
        if (!$sent) {
            throw new HungUp();
        }
        $data = substr($data, $sent);
    }
}

function open(int $descriptor) {
    $stream = fopen("php://fd/$descriptor", 'r+b');
    stream_set_read_buffer($stream, 0);
    stream_set_write_buffer($stream, 0);
    return $stream;
}
