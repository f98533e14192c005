"""Judging the published sets: what is recorded, and what a stopped judging goes on from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Execution, Job, Problem, Program, Test, UserError, Verdict, digest
from tests.full.published import judge
from tests.full.published_results import Failed, Journal, Result, load, save
from tests.full.published_sets import Programs, PublishedSet

SET = PublishedSet("mbxp", "canonical", "python")
TASKS = ("MBPP/1", "MBPP/2", "MBPP/3")


class ScriptedExecutor:
    """Gives each task's attempts the verdicts written down for it; counts what it ran."""

    def __init__(self, script: dict[str, list[Verdict]], image: str = "sha256:a") -> None:
        self.script = script
        self.image = image
        self.ran: list[tuple[str, int]] = []
        self.stop_after = 100

    def prepare(self, languages: Iterable[str]) -> None: ...

    def close(self) -> None: ...

    def image_digest(self, language: str) -> str:
        return self.image

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        image = {"digest": self.image, "toolchain": "python 3"}
        return {"images": {"python": image}, "limits": {"python": "Limits()"}, "workers": 1}

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            if len(self.ran) == self.stop_after:
                raise KeyboardInterrupt
            self.ran.append((job.completion, job.attempt))
            yield Execution(
                job.program_hash, job.test_hash, self.image, "limits", "completed", "completed",
                job.attempt, "python", self.script[job.completion][job.attempt], 0, "why", "", "",
                "python 3", 0.0, 1.0, 1.0, 0.0,
            )  # fmt: skip


def programs() -> Programs:
    """Three programs whose completion is their task id."""
    problems = {}
    tests = {}
    made = []
    for task in TASKS:
        problem = Problem("mbxp", "python", task, task, 0, "f", "", (), "base", "", "")
        problems[problem.key] = problem
        tests[problem.key] = Test("mbxp", "python", task, "program", "test", "f", None)
        program_hash = digest("python", task)
        made.append(Program("mbxp", "python", task, 0, task, program_hash, 0, "", "none"))
    return Programs(problems, tests, tuple(made))


def script(*first: list[Verdict]) -> dict[str, list[Verdict]]:
    return dict(zip(TASKS, first, strict=True))


def test_verdicts_of_all_programs_and_those_that_a_retry_changed(tmp_path: Path) -> None:
    executor = ScriptedExecutor(script(["passed"], ["timeout", "passed"], ["wrong_answer"]))
    found = judge(SET, programs(), executor, Journal(tmp_path / "j"))
    assert found.passed == ["MBPP/1", "MBPP/2"]
    assert found.failed == {"MBPP/3": Failed("wrong_answer", "why")}
    assert found.retried == {"MBPP/2": "timeout"}
    assert found.counts == {"passed": 2, "wrong_answer": 1}
    assert (found.image_digest, found.toolchain, found.programs) == ("sha256:a", "python 3", 3)


def test_a_stopped_judging_goes_on(tmp_path: Path) -> None:
    verdicts = script(["passed"], ["timeout", "timeout"], ["passed"])
    first = ScriptedExecutor(verdicts)
    first.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        judge(SET, programs(), first, Journal(tmp_path / "j"))
    with (tmp_path / "j").open("a") as file:
        file.write('{"key": ["torn')  # as a kill leaves it
    second = ScriptedExecutor(verdicts)
    found = judge(SET, programs(), second, Journal(tmp_path / "j"))
    assert second.ran == [("MBPP/3", 0), ("MBPP/2", 1)]
    assert found.passed == ["MBPP/1", "MBPP/3"]
    third = ScriptedExecutor(verdicts)
    assert judge(SET, programs(), third, Journal(tmp_path / "j")).verdict("MBPP/2") == "timeout"
    assert third.ran == []


def test_another_image_is_judged_again(tmp_path: Path) -> None:
    verdicts = script(["passed"], ["passed"], ["passed"])
    judge(SET, programs(), ScriptedExecutor(verdicts), Journal(tmp_path / "j"))
    rebuilt = ScriptedExecutor(verdicts, image="sha256:b")
    judge(SET, programs(), rebuilt, Journal(tmp_path / "j"))
    assert [task for task, _ in rebuilt.ran] == list(TASKS)


def test_a_failed_sandbox_is_no_verdict(tmp_path: Path) -> None:
    broken = ScriptedExecutor(script(["passed"], ["infrastructure_error"] * 3, ["passed"]))
    with pytest.raises(UserError, match=r"MBPP/2: why"):
        judge(SET, programs(), broken, Journal(tmp_path / "j"))
    mended = ScriptedExecutor(script(["passed"], ["passed"], ["passed"]))
    assert judge(SET, programs(), mended, Journal(tmp_path / "j")).counts == {"passed": 3}
    assert mended.ran == [("MBPP/2", 0)]


def test_a_limit_judges_the_first_programs(tmp_path: Path) -> None:
    executor = ScriptedExecutor(script(["passed"], ["passed"], ["passed"]))
    assert judge(SET, programs(), executor, Journal(tmp_path / "j"), limit=2).programs == 2


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = Result(
        "mbxp_canonical", "java", "data", "completed", "sha256:a", "limits", "java 17", "Limits()",
        1, "2026-11-24", {"cores": 2}, 1.5, ["A/1"], {"A/2": Failed("timeout", 'a "b"')},
        {"A/1": "timeout"},
    )  # fmt: skip
    save(result, tmp_path / "set" / "java.json")
    assert load(tmp_path / "set" / "java.json") == result
    assert load(tmp_path / "set" / "none.json") is None
