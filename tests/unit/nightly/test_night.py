"""A night: its cells, their order, its lock, its limits, what is not reached."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from made_nights import PROBLEMS, N, Nights
from made_runs import Said

from pipeline.history import History
from pipeline.history_schema import MIGRATIONS
from pipeline.records import Execution, Job, UserError
from pipeline.store import Store
from pipeline.store.lock import LOCK

LANGUAGES = ["python", "java"]


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def states(nights: Nights, number: int) -> dict[str, str]:
    return {row.series.split("/")[2]: row.state for row in nights.cells(number)}


def test_a_night_evaluates_every_cell_as_an_ordinary_run(nights: Nights) -> None:
    assert nights.run(0.5) == 0
    rows = nights.cells(1)
    assert [row.series for row in rows] == [f"replayed/mini/{x}/t0.8" for x in LANGUAGES]
    for row in rows:
        assert row.state == "done"
        run = nights.place / row.run
        with Store.open(run, read_only=True) as store:
            assert store.config.sampling.n == N
        metrics = json.loads((run / "report" / "metrics.json").read_text())
        with nights.history() as history:
            counts = history.counts(1, row.series, "")
            value, low, high = history.figures(1)[row.series, ""]["pass@1"]
        assert len(counts.task_ids) == PROBLEMS
        reported = metrics["scopes"][0]["metrics"][0]
        assert (value, low, high) == pytest.approx(
            (reported["value"], reported["low"], reported["high"])
        )
        assert sum(counts.passed) / sum(counts.judged) == pytest.approx(value)


def test_cells_come_in_the_stated_order(nights: Nights) -> None:
    samplings = [{"name": "b", "n": 2}, {"name": "a", "n": 1}]
    nights.write(samplings=samplings, order=["sampling", "language", "benchmark", "model"])
    nights.run()
    assert [row.series.split("/", 2)[2] for row in nights.cells(1)] == [
        "python/b", "java/b", "python/a", "java/a",
    ]  # fmt: skip


class Slow(Said):
    """Takes a while for each program of a language."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            if job.language == self.language:
                time.sleep(0.2)
            yield from super().run([job])


def test_time_is_spent_in_order_and_what_is_not_reached_comes_first(nights: Nights) -> None:
    hours = 4.0 / 3600
    sets = (f"limits.hours={hours}",)
    assert nights.run(executor=lambda: Slow("python"), sets=sets) == 0
    assert states(nights, 1) == {"python": "stopped", "java": "not_reached"}
    stopped = nights.cells(1)[0].run
    done = len(list((nights.place / stopped).rglob("*.parquet")))
    assert done  # what was finished is kept

    assert nights.run(seed=1, sets=("limits.hours=1e-9",)) == 0
    with nights.history() as history:
        for row in history.cells(2):  # as if it had not even been begun
            history.mark(row, "not_reached", "the night's time was over", 0.0)
    assert nights.run(seed=1) == 0
    rows = nights.cells(3)
    assert {row.state for row in rows} == {"done"}
    assert rows[0].run == stopped  # it goes on where it was


def test_of_not_reached_cells_the_next_night_makes_its_beginning(nights: Nights) -> None:
    nights.write(
        run={
            "execute": {"truncate": False, "retry_timeouts": 0},
            "report": {"k": [1], "bootstrap": 100, "prices": {"per_sandbox_cpu_hour": 3600.0}},
        },
        limits={"money": 1.0},
    )
    assert nights.run() == 0  # a cell costs some 0.25 a program: the first spends it all
    assert states(nights, 1) == {"python": "done", "java": "not_reached"}
    assert "money was spent" in nights.cells(1)[1].reason
    assert nights.run() == 0
    assert list(states(nights, 2)) == ["java", "python"]


def test_two_nights_never_overlap_and_a_dead_one_is_no_obstacle(nights: Nights) -> None:
    nights.run()
    script = (
        "import sys, time; from pathlib import Path; from pipeline.store.lock import RunLock;"
        "lock = RunLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(nights.place)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UserError) as said:
            nights.run()
        assert str(said.value) == (
            f"{nights.place} is in use by process {other.pid}: wait for it to end, or end it"
        )
    finally:
        other.kill()
        other.wait()
    note = json.loads((nights.place / LOCK).read_text())
    assert note["pid"] == other.pid  # the dead one's file is still there
    assert nights.run() == 0


def test_a_forked_lock_file_alone_is_no_lock(nights: Nights) -> None:
    nights.place.mkdir(parents=True)
    (nights.place / LOCK).write_text(json.dumps({"pid": 1, "host": os.uname().nodename}))
    with (nights.place / LOCK).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # nobody holds it
    assert nights.run() == 0


def test_a_cell_that_cannot_be_run_is_an_error_and_the_others_go_on(nights: Nights) -> None:
    nights.write(
        models=[
            {"name": "gone", "completions": [str(nights.folder / "gone.jsonl")]},
            {"name": "replayed", "completions": [str(nights.folder / "samples.jsonl")]},
        ]
    )
    assert nights.run() == 2
    rows = nights.cells(1)
    assert [row.state for row in rows] == ["error", "error", "done", "done"]
    assert "gone.jsonl" in rows[0].reason


class NoEngine(Said):
    def prepare(self, languages: Iterable[str]) -> None:
        raise UserError("no Docker engine answers: start it")


def test_a_docker_engine_that_is_gone_is_an_infrastructure_failure(nights: Nights) -> None:
    assert nights.run(executor=NoEngine) == 2
    for row in nights.cells(1):
        assert (row.state, row.reason) == ("infrastructure", "no Docker engine answers: start it")


# ---- history -------------------------------------------------------------------------------------


def test_migrations_are_applied_in_order_once(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    for _ in range(2):
        with History(path) as history:
            versions = history.rows("SELECT version FROM migrations ORDER BY version")
            assert [row[0] for row in versions] == list(range(1, len(MIGRATIONS) + 1))


def test_an_old_history_is_brought_forward_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.history.MIGRATIONS", MIGRATIONS[:1])
        with History(path) as history:
            history.rows("INSERT INTO nights (night, started, seconds) VALUES (4, now(), 0)")
    with History(path) as history:
        assert history.last_night() == 4
        assert history.rows("SELECT count(*) FROM gates") == [(0,)]


def test_a_history_of_a_newer_version_is_refused_and_untouched(nights: Nights) -> None:
    nights.run()
    with nights.history() as history:
        history.rows("INSERT INTO migrations VALUES (99, now()::TIMESTAMP)")
    path = nights.place / "history.duckdb"
    before = path.read_bytes()
    with pytest.raises(UserError) as said:
        nights.run()
    assert str(said.value) == (
        f"{path}: a history of version 99, and this forkeval knows {len(MIGRATIONS)}: "
        "use the forkeval that wrote it, or a newer one"
    )
    assert path.read_bytes() == before


def test_a_broken_history_is_one_line_and_its_copy_is_named(nights: Nights) -> None:
    nights.run()
    path = nights.place / "history.duckdb"
    copy = nights.place / "history.backup.duckdb"
    for broken in (b"not a database at all" * 400, path.read_bytes()[:5000]):
        path.write_bytes(broken)
        with pytest.raises(UserError) as said:
            nights.run()
        assert "\n" not in str(said.value)
        assert str(said.value).startswith(f"{path}: cannot be opened as a history (")
        assert str(said.value).endswith(
            "restore it from history.backup.duckdb beside it, which is of the last whole night"
        )
        assert path.read_bytes() == broken
    path.write_bytes(copy.read_bytes())
    assert nights.run() == 0
    assert [row.state for row in nights.cells(2)] == ["done", "done"]
