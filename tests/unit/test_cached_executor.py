"""An executor that runs nothing twice, in this session or after an earlier one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.cached_executor import CachedExecutor
from pipeline.records import Execution, Job, Verdict

JOBS = [Job("python", "", name, "t", "program", "f", name, "t") for name in "abca"]


class Counting:
    """Runs each job; the first `failing` attempts of every one end in an infrastructure error."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.ran: list[str] = []

    def prepare(self, languages: Iterable[str]) -> None: ...

    def image_digest(self, language: str) -> str:
        return "image"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        return {}

    def close(self) -> None: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            self.ran.append(job.program_hash)
            broken = job.attempt < self.failing
            verdict: Verdict = "infrastructure_error" if broken else "passed"
            yield Execution(
                job.program_hash, job.test_hash, "image", "limits", job.evidence, job.evidence,
                job.attempt, job.language, verdict, 0, "", "out", "", "", 0.0, 0.0, 0.0, 0.0,
            )  # fmt: skip


def test_equal_jobs_run_once_and_known_ones_never() -> None:
    inner, kept = Counting(), list[Execution]()
    given = list(CachedExecutor(inner, [], kept.append).run(JOBS))
    assert sorted(e.program_hash for e in given) == sorted(inner.ran) == ["a", "b", "c"]
    assert kept == given
    again, more = Counting(), list[Execution]()
    later = CachedExecutor(again, kept[:2], more.append)
    assert sorted(e.program_hash for e in later.run(JOBS)) == ["a", "b", "c"]
    assert again.ran == [e.program_hash for e in more] == ["c"]
    assert len(list(later.run(JOBS))) == 3
    assert again.ran == ["c"]


def test_another_image_runs_again() -> None:
    kept = list(CachedExecutor(Counting(), [], lambda e: None).run(JOBS[:1]))
    old = [dataclasses.replace(e, image_digest="before") for e in kept]
    inner = Counting()
    list(CachedExecutor(inner, old, lambda e: None).run(JOBS[:1]))
    assert inner.ran == ["a"]


def test_a_failed_sandbox_is_tried_again_and_never_kept() -> None:
    kept = list[Execution]()
    (once,) = CachedExecutor(Counting(failing=1), [], kept.append).run(JOBS[:1])
    assert once.verdict == "passed"
    assert kept == [once]
    kept.clear()
    inner = Counting(failing=9)
    (never,) = CachedExecutor(inner, [], kept.append).run(JOBS[:1])
    assert never.verdict == "infrastructure_error"
    assert not kept
    assert len(inner.ran) == 3
