"""Warm against plain: the order that programs run in, and what is found to differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.records import Execution, Job, Verdict
from tests.full.published_results import Failed, Result
from tests.full.ways import BETWEEN, Disturbed, compare
from tests.integration.sandboxes.hostile import Hostile

HOSTILE = [Hostile("python", "loop", name, "", ("incomplete",)) for name in ("a", "b")]
GOOD = [Job("python", "", str(i), "", "program", "f", str(i), "") for i in range(3 * BETWEEN)]


class Recorder:
    """Passes every program, apart from the hostile one named ``a``; notes the order."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def prepare(self, languages: Iterable[str]) -> None: ...

    def close(self) -> None: ...

    def image_digest(self, language: str) -> str:
        return "image"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        return {}

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            self.order.append(job.program_hash)
            verdict: Verdict = "incomplete" if job.program_hash == "python-a" else "passed"
            yield Execution(
                job.program_hash, "", "image", "limits", "completed", "completed", 0, "python",
                verdict, 0, "ended", "", "", "python 3", 0.0, 0.0, 0.0, 0.0,
            )  # fmt: skip


def ran(seed: str) -> tuple[Recorder, Disturbed, list[Execution]]:
    recorder = Recorder()
    disturbed = Disturbed(recorder, HOSTILE, seed)
    return recorder, disturbed, list(disturbed.run(GOOD))


def test_every_program_runs_once_in_a_seeded_order_with_hostile_ones_between() -> None:
    recorder, disturbed, found = ran("one")
    names = [job.program_hash for job in GOOD]
    assert sorted(done.program_hash for done in found) == sorted(names)
    assert [done.program_hash for done in found] != names
    assert disturbed.hostile == 3
    assert len(recorder.order) == len(GOOD) + 3
    assert ran("one")[0].order == recorder.order
    assert ran("two")[0].order != recorder.order


def test_a_hostile_program_with_a_wrong_verdict_is_named() -> None:
    recorder, disturbed, _ = ran("three")
    forged = recorder.order.count("python-b")
    assert 0 < forged < 3
    assert disturbed.wrong == ["python-b: passed: ended"] * forged


def result(passed: list[str], failed: dict[str, Failed]) -> Result:
    return Result(
        "mbxp_canonical", "python", "data", "completed", "image", "limits", "python 3", "", 1,
        "2026-11-25", {}, 0.0, passed, failed,
    )  # fmt: skip


def test_differences_name_both_verdicts() -> None:
    warm = result(["a", "b"], {"c": Failed("timeout", "10 s")})
    plain = result(["a"], {"b": Failed("runtime_error", "why"), "c": Failed("timeout", "10 s")})
    expected = {"b": {"warm": "passed", "plain": "runtime_error", "detail": "why"}}
    assert compare(warm, plain) == expected
    assert compare(warm, warm) == {}
