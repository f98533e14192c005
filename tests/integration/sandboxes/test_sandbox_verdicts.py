"""What each verdict takes, in every language; the other kinds of test; what is measured."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable

import pytest

from pipeline.records import Job, UserError
from sandboxes import images, languages, self_test
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

GOOD = "def add(a, b):\n    return a + b\n"


@pytest.mark.parametrize("name", list(languages.load()))
def test_self_tests_pass_and_are_remembered(
    name: str,
    executor: DockerExecutor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    outcomes = images.test([name])
    assert outcomes
    assert all(outcome.ok for outcome in outcomes), outcomes
    assert {"passed", "wrong_answer", "compile_error", "timeout", "out_of_memory"} <= {
        outcome.expected for outcome in outcomes
    }
    monkeypatch.setattr(self_test, "check", lambda *_: pytest.fail("tested a second time"))
    executor.prepare([name])


def test_an_image_that_fails_its_self_test_is_refused(
    executor: DockerExecutor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    failed = self_test.Outcome("python", "passed", "runtime_error", "no numpy", "warm")
    monkeypatch.setattr(self_test, "check", lambda *_: [failed])
    with pytest.raises(UserError, match=r"python image failed its self-test.*no numpy"):
        executor.prepare(["python"])


def test_an_assertion_of_the_candidate_is_no_wrong_answer(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = executor.execute(job("def add(a, b):\n    assert a > b, 'mine'\n    return a + b\n"))
    assert found.verdict == "runtime_error"
    assert found.detail == "line 2: AssertionError: mine"


def test_a_missing_entry_point_is_a_runtime_error(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = executor.execute(job("def sub(a, b):\n    return a - b\n"))
    assert (found.verdict, found.detail) == (
        "runtime_error",
        "line 7: NameError: name 'add' is not defined",
    )


def test_java_without_main_is_a_compile_error(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = executor.execute(job("class Add { }\n", "", language="java"))
    assert found.verdict == "compile_error"


def test_recursion_goes_as_deep_as_in_a_script(
    executor: DockerExecutor, plain_executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    """The program runs itself as an ordinary script and compares; the warm path's own frames, and
    the launcher's, must not be felt."""
    text = """
import subprocess, sys

def add(a, b):
    script = subprocess.run([sys.executable, "main.py", "x"], capture_output=True, text=True)
    print(depth, script.stdout)
    return 5 if int(script.stdout) == depth else 0

def dive(n):
    try:
        return dive(n + 1)
    except RecursionError:
        return n

depth = dive(0)
if len(sys.argv) > 1:
    print(depth)
    sys.exit()
"""
    for pool in (executor, plain_executor):
        found = pool.execute(job(text))
        assert found.verdict == "passed", (found.stdout, found.stderr)


def test_output_is_kept_whatever_its_bytes(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    text = "def add(a, b):\n    import os\n    os.write(1, bytes(range(256)))\n    return 5\n"
    found = executor.execute(job(text))
    assert found.verdict == "passed"
    assert found.stdout == bytes(range(256)).decode("utf-8", "replace")


def test_a_megabyte_of_output_is_drained_and_capped(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = executor.execute(job("def add(a, b):\n    print('x' * (1 << 20))\n    return 5\n"))
    assert found.verdict == "passed"
    assert found.stdout == "x" * (64 << 10)


def test_a_program_of_three_megabytes(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    assert executor.execute(job(GOOD + "#" * (3 << 20) + "\n")).verdict == "passed"


def test_a_program_larger_than_the_disk_is_refused_without_harm(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = executor.execute(job(GOOD + "#" * (32 << 20) + "\n"))
    assert found.verdict == "compile_error"
    assert executor.execute(job(GOOD)).verdict == "passed"


def test_stdin_cases(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    cases = [{"input": "2 3\n", "output": "5\n"}, {"input": "1 1", "output": "2"}]
    test = json.dumps({"cases": cases})
    good = "print(sum(map(int, input().split())))  \n"
    assert executor.execute(job(good, test, kind="stdin")).verdict == "passed"
    bad = executor.execute(job("input(); print(5)\n", test, kind="stdin"))
    assert (bad.verdict, bad.stdout) == ("wrong_answer", "5\n")
    early = executor.execute(job("print(5); exit(0)\n", test, kind="stdin"))
    assert early.verdict == "incomplete"
    code = "const t = require('fs').readFileSync(0, 'utf8').trim().split(' ');"
    code += "console.log(Number(t[0]) + Number(t[1]));\n"
    assert executor.execute(job(code, test, kind="stdin", language="javascript")).verdict == (
        "passed"
    )


@pytest.mark.parametrize("name", list(languages.load()))
def test_an_exit_status_is_taken_for_a_pass_where_no_more_is_asked_for(
    name: str, executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    language = languages.get(name)
    early = next(t.completion for t in language.self_tests if t.verdict == "incomplete")
    wrong = next(t.completion for t in language.self_tests if t.verdict == "wrong_answer")
    for text, verdict in ((early, "passed"), (wrong, "wrong_answer")):
        asked = job(text, language.self_test, language=name)
        found = executor.execute(dataclasses.replace(asked, evidence="exit_status"))
        assert (found.verdict, found.evidence) == (verdict, "exit_status"), found.detail


def test_an_exit_status_and_the_output_of_every_case(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    cases = [{"input": "", "output": "5"}, {"input": "", "output": "6"}]
    asked = job("print(5); exit(0)\n", json.dumps({"cases": cases[:1]}), kind="stdin")
    found = executor.execute(dataclasses.replace(asked, evidence="exit_status"))
    assert found.verdict == "passed", found.detail
    asked = job("print(5); exit(0)\n", json.dumps({"cases": cases}), kind="stdin")
    found = executor.execute(dataclasses.replace(asked, evidence="exit_status"))
    assert found.verdict == "wrong_answer"


def test_calls(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    calls = [{"args": [2, 3], "expected": 5}, {"args": ["a", "b"], "expected": "ab"}]
    test = json.dumps({"calls": calls})
    assert executor.execute(job(GOOD, test, kind="calls")).verdict == "passed"
    bad = executor.execute(job("def add(a, b):\n    return 5\n", test, kind="calls"))
    assert (bad.verdict, bad.detail) == ("wrong_answer", "line 5: AssertionError: 1")
    code = "function add(a, b) { return a + b }\n"
    assert executor.execute(job(code, test, kind="calls", language="javascript")).verdict == (
        "passed"
    )
    with pytest.raises(UserError, match="not supported for java"):
        executor.execute(job("", test, kind="calls", language="java"))
    with pytest.raises(UserError, match="JSON object with the key 'calls'"):
        executor.execute(job(GOOD, "[]", kind="calls"))


def test_measurements(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    body = """
def add(a, b):
    import time
    kept = bytearray(100 << 20)
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    time.sleep(0.5)
    return a + b
"""
    found = executor.execute(job(body))
    assert found.verdict == "passed"
    assert 0.5 <= found.m_cpu_seconds < 1.0
    assert found.m_wall_seconds >= 1.0
    assert found.m_compile_seconds == 0
    assert (100 << 20) <= found.m_peak_memory_bytes < (200 << 20)
    assert not math.isnan(found.m_peak_memory_bytes)
    java = languages.get("java")
    found = executor.execute(job(java.self_tests[0].completion, java.self_test, language="java"))
    assert found.m_compile_seconds > 0
    assert found.toolchain.startswith("java 17")


def test_what_a_run_records(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    done = job(GOOD)
    found = executor.execute(done)
    assert (found.program_hash, found.test_hash) == (done.program_hash, done.test_hash)
    assert found.image_digest == executor.image_digest("python")
    assert found.limits_hash == executor.limits_hash("python")
    environment = executor.environment()
    assert environment["images"]["python"]["toolchain"] == found.toolchain == "python 3.11.2"
    assert environment["cgroup"] in ("v1", "v2")
    json.dumps(environment)
