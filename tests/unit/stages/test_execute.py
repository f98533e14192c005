"""The execute stage: who runs, who runs again, what stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import (
    Execution,
    Job,
    Problem,
    ProblemKey,
    Program,
    Test,
    UserError,
    Verdict,
    digest,
)
from pipeline.stages.execute import ExecuteStage, Outcome


class ScriptedExecutor:
    """An executor whose verdicts are written down: program hash -> verdict of each attempt."""

    def __init__(self, script: Mapping[str, list[Verdict]]) -> None:
        self.script = script
        self.ran: list[tuple[str, int]] = []
        self.batches: list[int] = []

    def prepare(self, languages: Iterable[str]) -> None: ...

    def close(self) -> None: ...

    def image_digest(self, language: str) -> str:
        return f"sha256:{language}"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        return {}

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        self.batches.append(0)
        for job in jobs:
            self.batches[-1] += 1
            self.ran.append((job.program_hash, job.attempt))
            verdicts = self.script[job.program_hash]
            if job.attempt < len(verdicts):
                yield execution(job, verdicts[job.attempt])


def execution(job: Job, verdict: Verdict) -> Execution:
    return Execution(
        program_hash=job.program_hash,
        test_hash=job.test_hash,
        image_digest=f"sha256:{job.language}",
        limits_hash="limits",
        asked_evidence=job.evidence,
        evidence=job.evidence,
        attempt=job.attempt,
        language=job.language,
        verdict=verdict,
        exit_code=0,
        detail="",
        stdout="",
        stderr="",
        toolchain="",
        m_compile_seconds=0.0,
        m_cpu_seconds=0.0,
        m_wall_seconds=0.0,
        m_peak_memory_bytes=0.0,
    )


PROBLEM = Problem(
    dataset="mini",
    language="python",
    task_id="Mini/0",
    prompt="# header\ndef f():\n",
    header_chars=9,
    entry_point="f",
    description="",
    public_examples=(),
    prompt_form="base",
    source_sha256="",
    overlay="",
)
TEST = Test("mini", "python", "Mini/0", "program", "assert f() is None", "f", None)
KEY = ProblemKey("mini", "python", "Mini/0")


def program(index: int, completion: str) -> Program:
    return Program(
        "mini",
        "python",
        "Mini/0",
        index,
        completion,
        digest("python", completion),
        0,
        "python-1",
        "none",
    )


def stage(executor: ScriptedExecutor, written: list[Execution], retries: int = 1) -> ExecuteStage:
    return ExecuteStage({KEY: PROBLEM}, {KEY: TEST}, executor, "completed", retries, written.append)


def script(**verdicts: list[Verdict]) -> dict[str, list[Verdict]]:
    return {digest("python", name): outcome for name, outcome in verdicts.items()}


def test_identical_programs_run_once_and_count_as_often_as_sampled() -> None:
    executor = ScriptedExecutor(script(a=["passed"], b=["wrong_answer"]))
    written: list[Execution] = []
    programs = [program(0, "a"), program(1, "b"), program(2, "a"), program(3, "a")]
    judge = stage(executor, written)
    judge.run(programs)
    assert len(executor.ran) == 2
    verdicts = [row.verdict for row in judge.verdicts(programs)]
    assert verdicts == ["passed", "wrong_answer", "passed", "passed"]


def test_the_header_is_not_executed() -> None:
    jobs: list[Job] = []

    class Keeping(ScriptedExecutor):
        def run(self, given_jobs: Iterable[Job]) -> Iterator[Execution]:
            for job in given_jobs:
                jobs.append(job)
                yield execution(job, "passed")

    stage(Keeping({}), []).run([program(0, "a")])
    assert jobs[0].prompt == "def f():\n"


def test_a_timeout_is_run_again_alone_and_the_change_is_kept() -> None:
    executor = ScriptedExecutor(script(a=["timeout", "passed"], b=["timeout", "timeout"]))
    written: list[Execution] = []
    programs = [program(0, "a"), program(1, "b")]
    judge = stage(executor, written)
    judge.run(programs)
    assert executor.batches == [2, 1, 1]
    rows = list(judge.verdicts(programs))
    assert [(row.first_verdict, row.verdict, row.attempts) for row in rows] == [
        ("timeout", "passed", 2),
        ("timeout", "timeout", 2),
    ]


def test_an_infrastructure_error_is_tried_three_times_then_stands() -> None:
    executor = ScriptedExecutor(script(a=["infrastructure_error"] * 3))
    judge = stage(executor, [], retries=0)
    judge.run([program(0, "a")])
    assert [attempt for _, attempt in executor.ran] == [0, 1, 2]
    assert next(judge.verdicts([program(0, "a")])).verdict == "infrastructure_error"


def test_a_lost_job_is_an_error_and_not_an_endless_loop() -> None:
    executor = ScriptedExecutor(script(a=[]))
    with pytest.raises(UserError, match="gave no verdict"):
        stage(executor, []).run([program(0, "a")])


outcomes = st.lists(
    st.sampled_from(["passed", "timeout", "wrong_answer", "infrastructure_error"]),
    min_size=6,
    max_size=6,
)


@given(st.dictionaries(st.sampled_from("abcdef"), outcomes, min_size=1), st.integers(0, 12))
def test_stopped_anywhere_and_taken_up_gives_the_same_verdicts(
    outcome: dict[str, list[Verdict]], stop: int
) -> None:
    programs = [program(i, name) for i, name in enumerate(sorted(outcome) * 2)]
    whole: list[Execution] = []
    undisturbed = stage(ScriptedExecutor(script(**outcome)), whole)
    undisturbed.run(programs)

    kept = whole[:stop]
    rest: list[Execution] = []
    again = stage(ScriptedExecutor(script(**outcome)), rest)
    for done in kept:
        key = (done.program_hash, done.test_hash, done.image_digest, done.limits_hash)
        outcome = Outcome(done.verdict, done.attempt, done.evidence)
        again.remember(key, done.asked_evidence, outcome)
    again.run(programs)
    assert list(again.verdicts(programs)) == list(undisturbed.verdicts(programs))
    keys = [(e.program_hash, e.attempt) for e in kept + rest]
    assert len(keys) == len(set(keys))
    assert sorted(keys) == sorted((e.program_hash, e.attempt) for e in whole)
