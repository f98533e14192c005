"""From what the runner saw to a verdict: every rule, and no way to a pass but one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxes import languages
from sandboxes.assembly import Case
from sandboxes.protocol import Answer
from sandboxes.verdicts import judge

NONCE = "0123456789abcdef" * 2
DONE = f"{NONCE} completed 0 \n".encode()
PASSED = Answer(
    stage="run", exit_code=0, signal=0, exec_error=0, timeout_cpu=False, timeout_wall=False,
    output_limit=False, oom_kills=0, service_died=False, clean=True, compile_seconds=0.0,
    cpu_seconds=0.1, wall_seconds=0.1, peak_memory=1.0, stdout=b"", stderr=b"", report=DONE,
)  # fmt: skip


def _verdict(language: str = "python", expected: str | None = None, **changes: Any) -> str:
    answer = dataclasses.replace(PASSED, **changes)
    found = judge(answer, NONCE, 10, Case(expected=expected), languages.get(language))
    assert "\n" not in found.detail
    return found.verdict


def _raised(line: int, what: str) -> bytes:
    return f"{NONCE} raised {line} {what}\n".encode()


def test_an_exit_status_alone() -> None:
    def lenient(expected: str | None = None, **changes: Any) -> str:
        answer = dataclasses.replace(PASSED, **changes)
        case, python = Case(expected=expected), languages.get("python")
        return judge(answer, NONCE, 10, case, python, "exit_status").verdict

    assert lenient(report=b"") == "passed"
    assert lenient(report=b"", exit_code=1) == "runtime_error"
    assert lenient(report=b"", expected="5", stdout=b"6") == "wrong_answer"
    assert lenient(report=b"x") == "forged"
    assert lenient(report=b"", timeout_wall=True) == "timeout"


def test_a_pass() -> None:
    assert _verdict() == "passed"
    assert _verdict(expected="5", stdout=b"5\n") == "passed"


@pytest.mark.parametrize(
    ("verdict", "changes"),
    [
        ("incomplete", {"report": b""}),
        ("runtime_error", {"report": b"", "exit_code": 3}),
        ("runtime_error", {"exit_code": 3}),
        ("runtime_error", {"report": b"", "exit_code": None, "signal": 11}),
        ("runtime_error", {"exit_code": None, "signal": 9}),
        ("timeout", {"timeout_cpu": True, "exit_code": None, "signal": 9}),
        ("timeout", {"timeout_wall": True}),
        ("output_limit", {"output_limit": True, "timeout_wall": True}),
        ("out_of_memory", {"oom_kills": 1, "report": b""}),
        ("out_of_memory", {"oom_kills": 1}),
        ("compile_error", {"stage": "compile", "exit_code": 1, "report": b""}),
        ("timeout", {"stage": "compile", "timeout_wall": True, "report": b""}),
        ("wrong_answer", {"expected": "5", "stdout": b"6"}),
        ("forged", {"report": DONE + DONE}),
        ("forged", {"report": DONE[:-1]}),
        ("forged", {"report": DONE.replace(b"0123", b"0124")}),
        ("forged", {"report": b"x" + DONE}),
        ("forged", {"report": DONE + b"x", "exit_code": 1}),
        ("forged", {"report": b"\xff\x00"}),
    ],
)
def test_what_is_no_pass(verdict: str, changes: dict[str, Any]) -> None:
    assert _verdict(**changes) == verdict


@pytest.mark.parametrize(
    ("language", "line", "what", "verdict"),
    [
        ("python", 10, "AssertionError: ", "wrong_answer"),
        ("python", 9, "AssertionError: ", "runtime_error"),
        ("python", 10, "TypeError: no", "runtime_error"),
        ("python", 3, "MemoryError: ", "out_of_memory"),
        ("python", 12, "AssertionErrors: ", "runtime_error"),
        ("java", 12, "java.lang.Exception: Exception -- test case 0 did not pass.", "wrong_answer"),
        ("java", 2, "java.lang.Exception: mine", "runtime_error"),
        ("java", 12, "java.lang.RuntimeException: x", "runtime_error"),
        ("java", 2, "java.lang.OutOfMemoryError: Java heap space", "out_of_memory"),
        ("javascript", 0, "string: Error at 1th assert statement.", "wrong_answer"),
        ("javascript", 12, "ReferenceError: x is not defined", "wrong_answer"),
        ("javascript", 12, "ReferenceError: y is not defined", "runtime_error"),
        ("javascript", 2, "ReferenceError: x is not defined", "runtime_error"),
    ],
)
def test_wrong_answers_and_runtime_errors(
    language: str, line: int, what: str, verdict: str
) -> None:
    assert _verdict(language, report=_raised(line, what), exit_code=1) == verdict


def test_a_program_that_does_not_parse() -> None:
    report = f"{NONCE} compile 3 SyntaxError: no\n".encode()
    assert _verdict(report=report, exit_code=1) == "compile_error"


def test_a_full_heap_of_the_runtime() -> None:
    said = b"FATAL ERROR: Reached heap limit ... JavaScript heap out of memory\n"
    crash: dict[str, Any] = {"exit_code": None, "signal": 6, "report": b""}
    assert _verdict("javascript", stderr=said, **crash) == "out_of_memory"
    assert _verdict("javascript", stderr=b"abort", **crash) == "runtime_error"
    assert _verdict("python", stderr=said, **crash) == "runtime_error"


@pytest.mark.parametrize(
    ("line", "what", "signal", "verdict"),
    [
        (12, "Assertion failed: Exception -- test case 0 did not pass. x0 = ", 4, "wrong_answer"),
        (9, "Assertion failed: Exception -- test case 0 did not pass. x0 = ", 4, "runtime_error"),
        (12, "Assertion failed: no number", 4, "runtime_error"),
        (12, "Assertion failed: Exception -- test case 0 did not pass. x0 = ", 6, "runtime_error"),
    ],
)
def test_a_failed_assertion_that_traps(line: int, what: str, signal: int, verdict: str) -> None:
    said = f"computing\nmain/main.swift:{line}: {what}\n".encode()
    trap: dict[str, Any] = {"exit_code": None, "signal": signal, "report": b""}
    assert _verdict("swift", stderr=said, **trap) == verdict


@given(report=st.binary(max_size=80), exit_code=st.integers(0, 2))
def test_nothing_but_the_nonce_passes(report: bytes, exit_code: int) -> None:
    assert _verdict(report=report, exit_code=exit_code) != "passed"


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (b"/sandbox/build/Main.java:3: error: ';' expected\n  int a\n1 error\n",
         "Main.java:3: error: ';' expected"),
        (b"main.cpp:1:1: warning: unused\nmain.cpp:5:2: error: 'x' was not declared\n",
         "main.cpp:5:2: error: 'x' was not declared"),
        (b"main.cs(5,10): error CS0103: no `x'\nCompilation failed: 1 error(s), 0 warnings\n",
         "main.cs(5,10): error CS0103: no `x'"),
        (b"# command-line-arguments\n./main.go:5:2: undefined: x\n\twant (int)\n",
         "main.go:5:2: undefined: x"),
        (b"", "compiler exited with 1"),
    ],
)  # fmt: skip
def test_the_detail_of_a_compile_error_is_the_first_complaint(said: bytes, detail: str) -> None:
    for changes in ({"stderr": said}, {"stdout": said}):
        answer = dataclasses.replace(PASSED, stage="compile", exit_code=1, report=b"", **changes)
        assert judge(answer, NONCE, 10, Case(), languages.get("java")).detail == detail


def test_the_detail_of_an_exit_status_is_the_last_line_said() -> None:
    answer = dataclasses.replace(PASSED, exit_code=2, report=b"", stderr=b"a\nwhy\n")
    judged = judge(answer, NONCE, 10, Case(), languages.get("java"))
    assert judged.detail == "exit status 2: why"
