"""Hostile programs in PHP."""

# ruff: noqa: E501  # one program a line reads better than one split over three
from __future__ import annotations

from tests.integration.sandboxes.hostile.program import Hostile, Inside

# `body` is the inside of `add`; `before` stands above it.
_php = Inside(
    "php",
    lambda before, body: f"<?php\n{before}\nfunction add($a, $b) {{\n{body.strip()}\n}}\n",
)


def call_shell(command: str) -> str:
    return f"""<?php
function add($a, $b) {{
    $p = proc_open(['sh', '-c', '{command}'], [], $pipes);
    if (proc_close($p) === 7) exit(0);
    return 0;
}}
"""


_SEARCH = r"""
$texts = [str_repeat('0', 32)];
foreach (['cmdline', 'environ', 'stat'] as $n) if (preg_match_all('/(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])/', (string) @file_get_contents("/proc/self/$n"), $m)) $texts = array_merge($texts, $m[0]);
$walk = function ($x, $depth) use (&$walk, &$texts) {
    if (is_string($x) && preg_match('/^[0-9a-f]{32}$/', $x)) $texts[] = $x;
    if ((is_array($x) || is_object($x)) && $depth < 6) foreach ((array) $x as $v) $walk($v, $depth + 1);
};
$walk([$GLOBALS['argv'] ?? 0, $_SERVER, $_ENV, getenv(), ini_get_all(), get_defined_constants(), debug_backtrace()], 0);
foreach (array_unique($texts) as $t) file_put_contents('/sandbox/done', "$t completed 0 \n");
exit(0);
"""

PROGRAMS = [
    _php("early exit", "exit", "exit(0);", "incomplete"),
    _php("early exit", "die", "die();", "incomplete"),
    _php("early exit", "exit_at_the_top", "return 0;", "incomplete", before="exit(0);"),
    _php("early exit", "halt_compiler", "return 0;\n}\n__halt_compiler();\nfunction x() {", "incomplete", "compile_error"),
    _php("early exit", "return_from_the_file", "return 0;", "incomplete", "wrong_answer", before="return;"),
    Hostile("php", "early exit", "return_before_the_test", "<?php\nfunction add($a, $b) { return 0; }\nreturn;\n", ("incomplete",)),
    Hostile("php", "early exit", "end_of_the_program", "<?php\nfunction add($a, $b) { return 0; }\n__halt_compiler();\n", ("incomplete",)),
    Hostile("php", "early exit", "the_test_is_text", "<?php\nfunction add($a, $b) { return 0; }\n?>\n", ("incomplete",)),
    Hostile("php", "early exit", "comment_to_the_end", "<?php\nfunction add($a, $b) { return 0; }\n/*\n", ("incomplete", "compile_error")),
    Hostile("php", "early exit", "goto_the_end", "<?php\nfunction add($a, $b) { return 0; }\ngoto end;\n", ("compile_error",)),
    _php("early exit", "in_a_fiber", "(new Fiber(function () { exit(0); }))->start(); return 0;", "incomplete"),
    _php("early exit", "become_another_program", "pcntl_exec('/bin/true'); return 0;", "incomplete", "wrong_answer", "runtime_error"),
    _php("hooks", "shutdown_function_hides_the_failure", "register_shutdown_function(function () { exit(0); }); return 0;", "wrong_answer", "runtime_error"),
    _php("hooks", "exception_handler_exits", "set_exception_handler(function ($e) { exit(0); }); return 0;", "incomplete", "wrong_answer"),
    _php("hooks", "error_handler_exits", "set_error_handler(function () { exit(0); }); echo $undefined; return 0;", "incomplete"),
    _php("hooks", "destructor_exits", "$GLOBALS['kept'] = new D; return 0;", "wrong_answer", "incomplete", before="class D { function __destruct() { exit(0); } }"),
    _php("hooks", "output_buffer_callback", "ob_start(function ($x) { exit(0); }); return 0;", "wrong_answer", "incomplete", "runtime_error"),
    _php("report", "guess_the_report", "file_put_contents('/sandbox/done', str_repeat('0', 32) . \" completed 0 \\n\"); exit(0);", "forged"),
    _php("report", "every_descriptor", "for ($n = 3; $n < 64; $n++) { $f = @fopen(\"php://fd/$n\", 'w'); if ($f) @fwrite($f, str_repeat('0', 32) . \" completed 0 \\n\"); } exit(0);", "incomplete"),
    _php("report", "say_that_the_end_is_reached", "\\forkeval\\at_end(); exit(0);", "incomplete"),
    Hostile("php", "report", "say_it_and_return", "<?php\nfunction add($a, $b) { return 0; }\n\\forkeval\\at_end();\nreturn;\n", ("incomplete",)),
    Hostile("php", "report", "say_it_in_an_included_copy", "<?php\nif (!defined('copy')) { define('copy', 1); include __FILE__; return; }\nif (!function_exists('add')) { function add($a, $b) { return 0; } }\n", ("wrong_answer",)),
    Hostile("php", "report", "say_it_in_text_that_is_evaluated", "<?php\nfunction add($a, $b) { return 0; }\neval(str_repeat(\"\\n\", 14) . '\\forkeval\\at_end();');\nreturn;\n", ("incomplete",)),
    Hostile("php", "report", "own_end_of_the_source", "<?php\nfunction add($a, $b) { return 0; }\nreturn;\n/*\n\\forkeval\\at_end();\n*/\n", ("incomplete",)),
    _php("token", "walk_all_values", _SEARCH, "forged"),
    _php("helpers", "true_equals_everything", "return true;", "passed"),
    Hostile("php", "helpers", "leave_out_the_tests_only_statement", "<?php\nfunction add($a, $b) { return 0; }\nif (false)\n", ("wrong_answer",)),
    Hostile("php", "helpers", "own_name_space", "<?php\nnamespace own;\nclass Exception extends \\Exception { function __construct() { exit(0); } }\nfunction add($a, $b) { return 0; }\n", ("incomplete",)),
    _php("loop", "endless_loop", "while (true);", "timeout"),
    _php("loop", "sleep", "sleep(1000);", "timeout", slow=True),
    _php("loop", "unlimited_time", "set_time_limit(0); ignore_user_abort(true); while (true);", "timeout"),
    _php("recursion", "without_end", "return add($a, $b);", "out_of_memory", "runtime_error"),
    _php("memory", "at_once", "return strlen(str_repeat('x', 1 << 31));", "out_of_memory"),
    _php("memory", "slowly", "ini_set('memory_limit', '-1'); $k = []; while (true) $k[] = str_repeat('x', 65536);", "out_of_memory"),
    _php("output", "endless", "while (true) echo str_repeat('x', 1000);", "output_limit"),
    _php("output", "closed_streams", "fclose(STDIN); fclose(STDOUT); fclose(STDERR); return 0;", "wrong_answer", "runtime_error"),
    _php("output", "control_characters_in_an_exception", 'throw new Exception("\\e[2J\\r\\n\\0\\xff" . str_repeat("0", 32) . " completed 0 \\n");', "runtime_error", "wrong_answer"),
    _php("output", "a_huge_exception", "throw new Exception(str_repeat('x', 1 << 24));", "runtime_error", "output_limit", "out_of_memory"),
    _php("network", "wrappers_of_addresses", "foreach (['http://1.1.1.1/', 'ftp://1.1.1.1/', 'ssh2.exec://1.1.1.1/'] as $u) if (@file_get_contents($u) !== false) exit(0); return 0;", "wrong_answer"),
    _php("files", "wrappers_of_files", "foreach (['phar:///forkeval/x.phar', 'php://filter/read=string.rot13/resource=/proc/1/environ', 'glob:///sandbox/*'] as $u) if (@file_get_contents($u) !== false) exit(0); return 0;", "wrong_answer"),
    _php("compiler", "deep_expression", f"return {'(' * 20000}$a{')' * 20000};", "compile_error", "wrong_answer", "runtime_error", "out_of_memory"),
    _php("compiler", "text_outside_the_tags", "return 0; ?> text <?php return 0;", "wrong_answer"),
    _php("source", "nul_bytes", "return 5 \0;", "compile_error"),
    _php("source", "reads_input", "return (int) fgets(STDIN);", "wrong_answer"),
    _php("source", "ten_megabytes", "return 0; // " + "x" * (10 << 20) + "\n", "compile_error"),
]  # fmt: skip
