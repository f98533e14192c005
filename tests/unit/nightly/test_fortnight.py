"""A simulated fortnight, and nights that are killed at every point of their work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_nights import Nights, start
from made_runs import Said

from pipeline.records import Execution, Job, UserError

GATES = [
    {"metric": "pass@1", "cells": "mini", "fall": "noise"},
    {"metric": "pass@4", "cells": "mini", "fall": "noise"},
    {"metric": "infrastructure_errors", "below": 0.005},
    {"metric": "truncation", "below": 0.02},
]
N = 20
SAMPLING = [{"name": "t0.8", "n": N}]
SMALL_SHARDS = {
    "execute": {"truncate": False, "retry_timeouts": 0},
    "report": {"k": [1, 4], "bootstrap": 100},
    "store": {"rows_per_shard": 40, "seconds_per_shard": 0.5},
}


class NoEngine(Said):
    def prepare(self, languages: Iterable[str]) -> None:
        raise UserError("no Docker engine answers: start it")


class GivesUp(Said):
    """Sandboxes that fail on one program in ten."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for i, execution in enumerate(super().run(jobs)):
            yield replace(execution, verdict="infrastructure_error") if i % 10 == 0 else execution


def killed(nights: Nights, moment: Callable[[], bool]) -> None:
    """Starts the next night and kills it (SIGKILL) at that moment."""
    process = start(nights)
    try:
        until = time.monotonic() + 120
        while not moment():
            assert process.poll() is None, process.stderr.read().decode()  # type: ignore[union-attr]  # it is a pipe
            assert time.monotonic() < until
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()


def executing(cell: Path) -> bool:
    """Whether a cell has stored executions of its own, not only those of the night before."""
    own, reused = (
        len(list(cell.glob(f"tables/{x}/*/*.parquet"))) for x in ("executions", "reused")
    )
    return own > reused


def states(nights: Nights, number: int, metric: str) -> set[str]:
    with nights.history() as history:
        return {gate.state for gate in history.gates(number) if gate.metric == metric}


@pytest.mark.timeout(600)
def test_a_fortnight(tmp_path: Path) -> None:
    nights = Nights(tmp_path, samplings=SAMPLING, run=SMALL_SHARDS, gates=GATES)
    good, worse = 0.6, 0.3
    exits: dict[int, int] = {}

    def run(chance: float = good, **how: Any) -> None:
        code = nights.run(chance, n=N, **how)
        exits[nights.nights] = code

    for _ in range(3):
        run()
    nights.sample(good, 4, N)  # night 4 is killed while its second cell is judged
    second = nights.place / "runs" / "00004" / "replayed--mini--java--t0.8"
    killed(nights, lambda: executing(second))
    before = nights.cells(4)
    assert [row.state for row in before] == ["done", "planned"]
    run()
    run()
    run(worse)  # night 6: the model gets worse
    run(worse)  # night 7
    run()  # night 8: mended
    run(executor=NoEngine)  # night 9: the Docker engine is gone
    run()
    run(executor=GivesUp)  # night 11: sandboxes fail
    for _ in range(3):
        run()

    assert [number for number, code in exits.items() if code == 1] == [6, 7, 11]
    assert [number for number, code in exits.items() if code == 2] == [9]
    assert states(nights, 6, "pass@1") == {"failed"}  # caught the night it enters, in both cells
    for number in (9, 11):  # not called a regression
        assert states(nights, number, "pass@1") == {"not_judged"}
        assert states(nights, number, "pass@4") == {"not_judged"}
    assert states(nights, 11, "infrastructure_errors") == {"failed"}
    with nights.history() as history:
        assert history.last_night() == 14  # the killed night is one night
        assert history.rows("SELECT count(*) FROM cells WHERE state = 'done'") == [(24,)]
        assert "of night 5," in history.gates(8)[0].said  # what failed is no baseline
        kept = [row.seconds for row in history.cells(4)]
        assert kept[0] == before[0].seconds  # the finished cell was not evaluated again


def content(nights: Nights) -> dict[str, Any]:
    """What a history says, without how long it took."""
    asked = {
        "cells": "SELECT night, series, position, state, reason, run, n, judged, passed, facts, "
        "accepted FROM cells ORDER BY night, position",
        "figures": "SELECT * FROM figures ORDER BY ALL",
        "gates": "SELECT * FROM gates ORDER BY ALL",
        "flaky": "SELECT * FROM flaky ORDER BY ALL",
        "executed again": "SELECT * FROM executed_again ORDER BY ALL",
        "nights": "SELECT night, started, outcome FROM nights ORDER BY night",
    }
    with nights.history() as history:
        return {name: history.rows(sql) for name, sql in asked.items()}


@pytest.mark.timeout(600)
def test_killed_at_every_point_a_night_ends_as_if_undisturbed(tmp_path: Path) -> None:
    both = []
    for name in ("undisturbed", "killed"):
        folder = tmp_path / name
        folder.mkdir()
        both.append(
            Nights(
                folder,
                gates=GATES[:1],
                run=SMALL_SHARDS,
                flaky={"programs": 40},
                keep={"nights": 1, "days": 0},
            )
        )
    for nights in both:
        for seed in (1, 2):
            nights.run(0.6, seed=seed)
        nights.sample(0.6, 3)
    undisturbed, disturbed = both
    cells = [
        disturbed.place / "runs" / "00003" / f"replayed--mini--{language}--t0.8"
        for language in ("python", "java")
    ]
    summary = disturbed.place / "latest" / "summary.json"
    old = summary.stat().st_mtime_ns

    moments: list[Callable[[], bool]] = [
        lambda: (cells[0] / "run.json").exists(),
        lambda: any(cells[0].glob("tables/reused/*/*.parquet")),
        lambda: executing(cells[0]),
        lambda: (cells[0] / "report" / "report.html").exists(),
        lambda: executing(cells[1]),
        lambda: (cells[1] / "report" / "report.html").exists(),
        lambda: summary.stat().st_mtime_ns != old,
    ]
    for moment in moments:
        killed(disturbed, moment)
    assert undisturbed.run(0.6, seed=3) == 0
    assert disturbed.run(0.6, seed=3) == 0
    assert content(disturbed) == content(undisturbed)
    pages = [
        (nights.place / "site" / "series" / "replayed--mini--java--t0.8.html").read_text()
        for nights in both
    ]
    assert pages[0] == pages[1]
    assert [row.state for row in disturbed.cells(3)] == ["done", "done"]
