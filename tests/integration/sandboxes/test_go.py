"""Go: how a program's end is reported, what the renaming of its main must not change."""

# ruff: noqa: E501  # one program a line
from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
FAILED = 'panic("Exception --- test case 1 failed to pass")'
# Fails before the test, at the line that the test's own failure has above.
CANDIDATE = f"package main\nfunc f() {{ {FAILED} }}\n"


@pytest.mark.parametrize(
    ("candidate", "test", "verdict", "detail"),
    [
        ("package main\n", "func main() {}", "passed", ""),
        ("package main\n", f"func main() {{ {FAILED} }}", "wrong_answer", "line 2: string: Exc"),
        (CANDIDATE, "func main() { f() }", "runtime_error", "line 2: string: Exception"),
        ("package main\n", "func main() { panic(nil) }", "runtime_error", "exit status 2"),
        ("package main\n", 'func main() { panic("a\\nb") }', "runtime_error", "string: a"),
        ("package main\n", "func main() { panic(1.5) }", "runtime_error", "float64:"),
        (
            "package main\n",
            "func main() { x := 0; println(1 / x) }",
            "runtime_error",
            "line 2: runtime.errorString: runtime error: integer divide by zero",
        ),
        ("package main\n", "func main() { defer func() { recover() }(); panic(1) }", "passed", ""),
        ("package main\n", "func main() { var m map[int]int; m[1]++ }", "runtime_error", "nil map"),
        (
            'package main\nimport "os"\n',
            "func main() { defer os.Exit(3); panic(1) }",
            "runtime_error",
            "exit status 3",
        ),
        (
            "package main\nvar n int\n",
            "func main() { if n++; n < 3 { main() } }",
            "passed",
            "",
        ),
        ("package main\ntype t struct { main int }\n", "func main() { _ = t{main: 1} }", "passed", ""),
        ("package main\n", "func main() { main := 1; _ = main }", "passed", ""),
        ("package main\n", "func main() { x := 1 }", "compile_error", "x declared but not used"),
        ('package main\nimport "os"\n', "func main() {}", "compile_error", '"os"'),
        ("package main\n", "func main() int {}", "compile_error", "func main must have no arg"),
        ("package main\n", "", "compile_error", "main is undeclared in the main package"),
        ("package other\n", "func main() {}", "compile_error", ""),
        (
            'package main\nimport ("runtime"; "strings")\n',
            "func main() { _, f, n, _ := runtime.Caller(0);"
            ' if n != 3 || !strings.HasSuffix(f, "main.go") { panic(f) } }',
            "passed",
            "",
        ),
    ],
)  # fmt: skip
def test_how_programs_end(
    executor: DockerExecutor, job: MakeJob, candidate: str, test: str, verdict: str, detail: str
) -> None:
    done = executor.execute(job(candidate, test, language="go"))
    assert done.verdict == verdict, (done.detail, done.stderr)
    assert detail in done.detail
