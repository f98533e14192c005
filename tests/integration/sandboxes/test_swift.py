"""Swift: how a program's end is told, and what its libraries need."""

# ruff: noqa: E501  # one program a line
from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.records import Job
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

MakeJob = Callable[..., Job]
FAILED = 'assert(1 == 2, "Exception -- test case 1 did not pass. x1 = ")'


@pytest.mark.parametrize(
    ("candidate", "test", "verdict", "detail"),
    [
        ("", "", "passed", ""),
        ("", FAILED, "wrong_answer", "main/main.swift:1: Assertion failed: Exception -- test"),
        (f"func f() {{ {FAILED} }}\n", "f()", "runtime_error", "killed by signal 4"),
        ("", 'assert(false, "no")', "runtime_error", "killed by signal 4"),
        ("", "print([1][Int(CommandLine.argc)])", "runtime_error", "killed by signal 4"),
        ("", "struct E : Error {}\nthrow E()", "runtime_error", "killed by signal 4"),
        ("import Glibc\n", "exit(0)", "incomplete", ""),
        ("import Glibc\n", "exit(3)", "runtime_error", "exit status 3"),
        ("import Foundation\n", 'assert("a b".components(separatedBy: " ")[1] == "b")', "passed", ""),
        ("import Foundation\n", 'assert(String(format: "%.2f", 1.5) == "1.50")', "passed", ""),
        ("import Foundation\n", "assert(pow(2.0, 3.0) == 8 && sqrt(4.0) == 2)", "passed", ""),
        ("import Dispatch\n", "DispatchQueue(label: \"q\").sync { }", "passed", ""),
        ("", 'assert("a1".firstMatch(of: #/[0-9]/#) != nil)', "passed", ""),
        ("@main struct M { static func main() { } }", "", "compile_error", "'main' attribute"),
        ("let x : Int = 1.5", "", "compile_error", "cannot convert value of type 'Double'"),
        ("let x : Int = y", "", "compile_error", "cannot find 'y' in scope"),
    ],
)  # fmt: skip
def test_how_programs_end(
    executor: DockerExecutor, job: MakeJob, candidate: str, test: str, verdict: str, detail: str
) -> None:
    done = executor.execute(job(candidate, test, language="swift"))
    assert done.verdict == verdict, (done.detail, done.stderr)
    assert detail in done.detail
