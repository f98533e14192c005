"""PHP: what a program sees of the launcher, how its end is reported, who may say that it ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
AT_END = "\\forkeval\\at_end();"
DIVIDES = "function add($a, $b) { return intdiv($a, 0); }\n\nadd(1, 2);"


@pytest.mark.parametrize(
    ("program", "verdict", "detail"),
    [
        ("if ($argv !== ['main.php'] || PHP_SAPI !== 'cli') throw new Error();", "passed", ""),
        ("if (__FILE__ !== '/sandbox/job/main.php') throw new Error();", "passed", ""),
        ("echo $undefined; trigger_error('x', E_USER_WARNING);", "passed", ""),
        ("if (function_exists('dl') && @dl('ffi.so')) throw new Error();", "passed", ""),
        (DIVIDES, "runtime_error", "line 2: DivisionByZeroError: Division by zero"),
        ("array_map(fn($x) => $x->y(), [1]);", "runtime_error", "line 2: Error: Call to a member"),
        ("trigger_error('bye', E_USER_ERROR);", "runtime_error", "line 2: Fatal error: bye"),
        ("function f($n) { return f($n + 1) + 1; } f(0);", "out_of_memory", "Allowed memory size"),
        ("set_exception_handler(fn($e) => exit(0)); throw new E();", "runtime_error", 'Class "E"'),
        ("register_shutdown_function(function () { throw new Exception('late'); });",
         "runtime_error", "Uncaught Exception: late"),
        ("class A { function __destruct() { exit(3); } } $a = new A;", "runtime_error", "status 3"),
        ("exit(3);", "runtime_error", "exit status 3"),
        ("function f() { } function f() { }", "compile_error", "line 2: Fatal error: Cannot red"),
        ("function f( { }", "compile_error", "line 2: ParseError: syntax error, unexpected"),
        ("return;", "incomplete", ""),
        ("?>", "incomplete", ""),
        ("__halt_compiler();", "incomplete", ""),
        ("goto end; end: exit;", "incomplete", ""),
        (f"{AT_END} return;", "incomplete", ""),
        (f'eval(str_repeat("\\n", 2) . "\\{AT_END}"); return;\n', "incomplete", ""),
        (f"function f() {{\n{AT_END} }} f(); return;", "incomplete", ""),
        (f"$f = new Fiber(function () {{\n{AT_END} }}); $f->start(); return;", "incomplete", ""),
        ("register_shutdown_function('forkeval\\at_end'); return;", "incomplete", ""),
        ("namespace forkeval; function at_end() { }", "compile_error", "Cannot redeclare"),
    ],
)  # fmt: skip
def test_how_programs_end(
    plain_executor: DockerExecutor, job: MakeJob, program: str, verdict: str, detail: str
) -> None:
    done = plain_executor.execute(job("<?php\n" + program, "", language="php"))
    assert done.verdict == verdict, done.detail
    assert detail in done.detail


def test_what_follows_the_end_of_a_program_that_reads_its_input(
    plain_executor: DockerExecutor, job: MakeJob
) -> None:
    test = '{"cases": [{"input": "1 2", "output": "3 apples"}]}'
    program = "<?php echo array_sum(explode(' ', fgets(STDIN)));\n?> apples"
    done = plain_executor.execute(job(program, test, language="php", kind="stdin"))
    assert done.verdict == "passed", done.detail
