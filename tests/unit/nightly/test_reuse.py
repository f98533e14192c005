"""What an earlier night executed is not executed again, and is not billed again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_nights import PROBLEMS, N, Nights
from made_runs import Said

from pipeline.exchange.export import Asked
from pipeline.exchange.parquet import export
from pipeline.records import Execution, Job
from pipeline.store import Store

PRICED = {
    "execute": {"truncate": False, "retry_timeouts": 1},
    "report": {"k": [1], "bootstrap": 100, "prices": {"per_sandbox_cpu_hour": 3600.0}},
}
NEEDED = 2 * PROBLEMS * N  # candidates of a night; no two are equal, and time-outs run twice


class Counting(Said):
    """Keeps the jobs that it was given."""

    def __init__(self, jobs: list[Job], image: str = "one", limits: str = "limits") -> None:
        super().__init__(image)
        self.jobs = jobs
        self.limits = limits

    def limits_hash(self, language: str) -> str:
        return self.limits

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            self.jobs.append(job)
            for execution in super().run([job]):
                yield replace(execution, limits_hash=self.limits)


class GivesUp(Counting):
    """Sandboxes that fail on one program, however often it is tried."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            for execution in super().run([job]):
                broken = job.program_hash == self.jobs[0].program_hash
                yield replace(execution, verdict="infrastructure_error") if broken else execution


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path, run=PRICED)


def run(
    nights: Nights, executor: type[Counting] = Counting, seed: int = 1, **how: str
) -> list[Job]:
    """A night with the completions of a seed; what was executed."""
    jobs: list[Job] = []
    assert nights.run(seed=seed, executor=lambda: executor(jobs, **how)) == 0
    return jobs


def figures(nights: Nights, number: int) -> dict[str, float]:
    """Those of a night's cells together."""
    with nights.history() as history:
        cells = history.figures(number).values()
    names = ("executions", "reused", "money")
    return {name: sum(cell[name][0] for cell in cells) for name in names}


def verdicts(nights: Nights, number: int) -> list[list[Any]]:
    found = []
    for row in nights.cells(number):
        with Store.open(nights.place / row.run, read_only=True) as store:
            rows = store.required("execute").records("verdicts")
            found.append(sorted(rows, key=lambda v: (v.task_id, v.sample_index)))
    return found


def test_the_same_programs_are_not_executed_again_and_cost_nothing(nights: Nights) -> None:
    first = run(nights)
    assert len(first) > NEEDED  # time-outs were tried twice
    assert figures(nights, 1) == {
        "executions": len(first), "reused": 0, "money": pytest.approx(0.25 * len(first)),
    }  # fmt: skip
    for number in (2, 3):
        assert run(nights) == []
        assert figures(nights, number) == {
            "executions": len(first), "reused": len(first), "money": 0,
        }  # fmt: skip
        assert verdicts(nights, number) == verdicts(nights, 1)
    said = f"{len(first):,} of {len(first):,} executions reused from earlier nights"
    assert said in (nights.place / "latest" / "summary.md").read_text()
    assert said in (nights.place / "site" / "index.html").read_text()


def test_the_report_tells_what_was_reused_and_bills_the_rest(nights: Nights) -> None:
    run(nights)
    path = nights.place / nights.cells(1)[0].run / "report" / "metrics.json"
    before = json.loads(path.read_text())
    names = ["samples.jsonl", "more.jsonl"]
    nights.sample(0.5, 2, 1, names[1])  # one sample more of each problem
    nights.write(
        run=PRICED,
        samplings=[{"name": "t0.8", "n": N + 1}],
        models=[{"name": "replayed", "completions": [str(nights.folder / x) for x in names]}],
    )
    own = [job for job in run(nights) if job.language == "python"]
    assert PROBLEMS <= len(own) <= 2 * PROBLEMS
    path = nights.place / nights.cells(2)[0].run / "report" / "metrics.json"
    after = json.loads(path.read_text())
    ledger = {entry["name"]: entry for entry in after["ledger"]}
    old = {entry["name"]: entry for entry in before["ledger"]}["sandbox CPU seconds"]
    taken = round(old["value"] / 0.25)
    assert ledger["sandbox CPU seconds"]["value"] == pytest.approx(0.25 * len(own))
    assert ledger["sandbox CPU seconds"]["note"] == (
        f"{len(own)} executions ({taken} of {taken + len(own)} reused from an earlier run), "
        "retries included"
    )
    assert ledger["money"]["value"] == pytest.approx(0.25 * len(own))
    (purpose,) = after["purposes"]
    assert purpose["sandbox_cpu_seconds"] == pytest.approx(0.25 * len(own))
    # What samples cost, which curves are drawn against, is the same whoever paid for them.
    plain = ledger["sandbox CPU seconds without deduplication"]["value"]
    assert plain == pytest.approx(0.25 * (taken + len(own)))


@pytest.mark.parametrize("changed", [{"image": "two"}, {"limits": "shorter"}])
def test_another_image_or_limit_executes_all(nights: Nights, changed: dict[str, str]) -> None:
    first = run(nights)
    assert len(run(nights, **changed)) == len(first)
    assert figures(nights, 2)["reused"] == 0
    assert run(nights, **changed) == []
    with Store.open(nights.place / nights.cells(3)[0].run, read_only=True) as store:
        kept = store.shared("execute").table("executions")  # no copies of the first night's
        assert len(kept["image_digest"].unique()) == len(kept["limits_hash"].unique()) == 1


def test_an_infrastructure_error_is_executed_again(nights: Nights) -> None:
    nights.write(run=PRICED, gates=[{"metric": "infrastructure_errors", "below": 0.5}])
    broken = run(nights, GivesUp)[0]
    (again,) = run(nights)[:1]
    assert again == broken
    assert figures(nights, 2)["reused"] == figures(nights, 2)["executions"] - 1
    said = [row.verdict for cell in verdicts(nights, 2) for row in cell]
    assert "infrastructure_error" not in said


def test_programs_are_executed_again_to_find_flaky_ones(nights: Nights) -> None:
    nights.write(
        run=PRICED | {"execute": {"truncate": False, "retry_timeouts": 0}}, flaky={"programs": 7}
    )
    run(nights)
    assert len(run(nights)) == 7


class Doubting(Counting):
    """The first program that passes does so once only."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            seen = [old.program_hash for old in self.jobs]
            for execution in super().run([job]):
                passed = job.program_hash in seen and execution.verdict == "passed"
                yield replace(execution, verdict="wrong_answer") if passed else execution


def test_what_was_judged_otherwise_is_not_trusted_again(nights: Nights) -> None:
    nights.write(run=PRICED, flaky={"programs": 5})
    run(nights, Doubting)
    with nights.history() as history:
        doubted = {flip.program_hash for _, flip in history.flips(1, 1)}
    assert doubted
    nights.write(run=PRICED)
    assert {job.program_hash for job in run(nights)} == doubted


def test_what_rankers_ran_is_reused_too(nights: Nights) -> None:
    nights.write(run=PRICED | {"rerank": {"rankers": ["public_examples"]}})
    first = run(nights)
    assert figures(nights, 1)["executions"] == len(first) > 2 * NEEDED - 10
    assert run(nights) == []
    assert figures(nights, 2) == {"executions": len(first), "reused": len(first), "money": 0}
    paths = export(nights.place / nights.cells(2)[0].run, Asked(), lambda text: None)
    rows = {path.stem: pq.read_table(path).num_rows for path in paths}
    assert rows["reused"] == rows["executions"] > 0
    assert rows["ranking_reused"] == rows["ranking_executions"] > 0


def test_an_earlier_run_that_cannot_be_read_is_a_note(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(nights)
    for row in nights.cells(1):
        for path in (nights.place / row.run).glob("tables/executions/*/*.parquet"):
            path.write_bytes(b"damaged")
    assert len(run(nights)) == len(first)
    assert "note: nothing is reused of runs/00001/replayed--mini--python" in capsys.readouterr().err
