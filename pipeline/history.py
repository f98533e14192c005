"""The history of a nightly evaluation: one DuckDB file, opened by one process at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from pipeline.history_schema import MIGRATIONS
from pipeline.records import UserError, digest

NOT_REACHED = ("stopped", "not_reached")


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell of a night as it stands."""

    night: int
    series: str
    checkpoint: str
    step: int | None
    position: int
    state: str
    reason: str
    run: str
    seconds: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What passed of what was judged, by problem."""

    task_ids: Sequence[str]
    judged: Sequence[int]
    passed: Sequence[int]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a finished cell leaves in the history. figures: metric to value, low, high."""

    n: int
    counts: Counts
    figures: Mapping[str, tuple[float, float | None, float | None]]
    facts: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class GateRow:
    """What one gate said of one cell."""

    position: int  # of the gate in the YAML
    series: str
    checkpoint: str
    metric: str
    state: str  # held, failed, not_judged
    value: float | None
    baseline: float | None
    p: float | None  # corrected over the night
    said: str


@dataclass(frozen=True, slots=True)
class Flip:
    """A program that was executed again and judged otherwise."""

    dataset: str
    language: str
    task_id: str
    program_hash: str
    first_verdict: str
    second_verdict: str


CELL = "night, series, checkpoint, step, position, state, reason, run, seconds, accepted"
FLIP = "dataset, language, task_id, program_hash, first_verdict, second_verdict"
GATE = "position, series, checkpoint, metric, state, value, baseline, p, said"
BEFORE = (
    "series = ? AND night < ? AND accepted AND (step IS NULL OR step < ?) "
    "ORDER BY step DESC, night DESC LIMIT ?"
)
AT = "night = ? AND series = ? AND checkpoint = ?"


class History:
    """Reads and writes the history. Use it as a context; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; applies the migrations that it lacks.

        Raises UserError, and leaves the file as it is, where it is broken, of a newer version, or
        open elsewhere.
        """
        self.path = path
        self._backup = path.with_suffix(".backup.duckdb")
        try:
            self._db = duckdb.connect(str(path))
            self._migrate()
        except (duckdb.Error, OSError) as error:
            first = str(error).splitlines()[0]
            fix = (
                f"restore it from {self._backup.name} beside it, which is of the last whole night"
                if self._backup.exists()
                else "move it away to begin a new history"
            )
            raise UserError(f"{path}: cannot be opened as a history ({first}): {fix}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def _migrate(self) -> None:
        tables = {row[0] for row in self.rows("SELECT table_name FROM duckdb_tables()")}
        if tables and "migrations" not in tables:
            self._db.close()
            raise UserError(f"{self.path}: a database, but no history of forkeval: move it away")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, applied TIMESTAMP)"
        )
        applied = [row[0] for row in self.rows("SELECT version FROM migrations ORDER BY version")]
        if applied and applied[-1] > len(MIGRATIONS):
            self._db.close()
            raise UserError(
                f"{self.path}: a history of version {applied[-1]}, and this forkeval knows "
                f"{len(MIGRATIONS)}: use the forkeval that wrote it, or a newer one"
            )
        for version in range(len(applied) + 1, len(MIGRATIONS) + 1):
            with self._transaction():
                self._db.execute(MIGRATIONS[version - 1])
                self._db.execute("INSERT INTO migrations VALUES (?, now()::TIMESTAMP)", [version])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, list(values)).fetchall()

    def backup(self) -> None:
        """A copy of the file as it is now, whole, beside it."""
        self._db.execute("CHECKPOINT")
        part = self._backup.with_suffix(".part")
        shutil.copyfile(self.path, part)
        os.replace(part, self._backup)

    # ---- nights ----------------------------------------------------------------------------------

    def unfinished(self) -> int | None:
        """The night that is under way, or was killed."""
        found = self.rows("SELECT max(night) FROM nights WHERE ended IS NULL")
        return None if found[0][0] is None else int(found[0][0])

    def last_night(self) -> int:
        """0 where there is none."""
        return int(self.rows("SELECT coalesce(max(night), 0) FROM nights")[0][0])

    def begin(self, started: datetime) -> int:
        night = self.last_night() + 1
        self._db.execute(
            "INSERT INTO nights (night, started, seconds) VALUES (?, ?, 0)", [night, started]
        )
        return night

    def spend(self, night: int, seconds: float) -> None:
        self._db.execute(
            "UPDATE nights SET seconds = seconds + ? WHERE night = ?", [seconds, night]
        )

    def night(self, night: int) -> dict[str, Any]:
        names = ("night", "started", "ended", "seconds", "outcome", "accepted_by_hand")
        found = self.rows(f"SELECT {', '.join(names)} FROM nights WHERE night = ?", [night])
        return dict(zip(names, found[0], strict=True))

    def finish(self, night: int, ended: datetime, outcome: str) -> None:
        self._db.execute(
            "UPDATE nights SET ended = ?, outcome = ? WHERE night = ?", [ended, outcome, night]
        )

    # ---- cells -----------------------------------------------------------------------------------

    def cells(self, night: int) -> list[CellRow]:
        found = self.rows(f"SELECT {CELL} FROM cells WHERE night = ? ORDER BY position", [night])
        return [CellRow(*row) for row in found]

    def plan(self, rows: Sequence[CellRow]) -> None:
        """Adds cells to a night; those that it has already stay as they are."""
        marks = ", ".join("?" * 10)
        with self._transaction():
            for row in rows:
                values = [getattr(row, name.strip()) for name in CELL.split(",")]
                self._db.execute(
                    f"INSERT INTO cells ({CELL}) VALUES ({marks}) ON CONFLICT DO NOTHING", values
                )

    def evaluated(self) -> set[tuple[str, str]]:
        """Series and checkpoint of all that was done in any night."""
        return set(self.rows("SELECT DISTINCT series, checkpoint FROM cells WHERE state = 'done'"))

    def mark(self, row: CellRow, state: str, reason: str, seconds: float) -> None:
        """A cell that was not finished, and why."""
        self._db.execute(
            f"UPDATE cells SET state = ?, reason = ?, seconds = seconds + ? WHERE {AT}",
            [state, reason, seconds, row.night, row.series, row.checkpoint],
        )

    def record(self, row: CellRow, measured: Measured, seconds: float, broken: str = "") -> None:
        """A finished cell with its figures. broken: why it says nothing about its model."""
        counts = measured.counts
        name = digest(*counts.task_ids)[:16]
        key = [row.night, row.series, row.checkpoint]
        with self._transaction():
            self._db.execute(
                "INSERT INTO problem_sets VALUES (?, ?) ON CONFLICT DO NOTHING",
                [name, list(counts.task_ids)],
            )
            self._db.execute(
                "UPDATE cells SET state = ?, reason = ?, seconds = seconds + ?, n = ?, "
                f"problem_set = ?, judged = ?, passed = ?, facts = ? WHERE {AT}",
                [
                    "infrastructure" if broken else "done",
                    broken,
                    seconds,
                    measured.n,
                    name,
                    list(counts.judged),
                    list(counts.passed),
                    json.dumps(measured.facts),
                    *key,
                ],
            )
            self._db.execute(f"DELETE FROM figures WHERE {AT}", key)
            for metric, (value, low, high) in measured.figures.items():
                self._db.execute(
                    "INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [*key, metric, value, low, high],
                )

    def figures(self, night: int) -> dict[tuple[str, str], dict[str, tuple[Any, ...]]]:
        """By series and checkpoint, metric to value, low, high."""
        found: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {}
        sql = "SELECT series, checkpoint, metric, value, low, high FROM figures WHERE night = ?"
        for series, checkpoint, metric, *numbers in self.rows(sql, [night]):
            found.setdefault((series, checkpoint), {})[metric] = tuple(numbers)
        return found

    def counts(self, night: int, series: str, checkpoint: str) -> Counts:
        found = self.rows(
            "SELECT task_ids, judged, passed FROM cells JOIN problem_sets ON problem_set = id "
            f"WHERE {AT}",
            [night, series, checkpoint],
        )
        return Counts(*found[0])

    def facts(self, night: int, series: str, checkpoint: str) -> dict[str, dict[str, str]]:
        found = self.rows(f"SELECT facts FROM cells WHERE {AT}", [night, series, checkpoint])
        return dict(json.loads(found[0][0]))

    def accepted_before(self, row: CellRow, last: int) -> list[tuple[int, str]]:
        """The last accepted nights of a cell's series before this one, and their checkpoints; last
        first. Of a checkpoint: those of lower steps.
        """
        return [
            (night, checkpoint)
            for night, checkpoint in self.rows(
                f"SELECT night, checkpoint FROM cells WHERE {BEFORE}",
                [row.series, row.night, row.step, last],
            )
        ]

    def figures_before(self, row: CellRow, metric: str, last: int) -> list[float]:
        """A figure of the last accepted nights, as `accepted_before` has them, where known."""
        found = self.rows(
            f"WITH before AS (SELECT * FROM cells WHERE {BEFORE}) SELECT value FROM before "
            "JOIN figures USING (night, series, checkpoint) WHERE metric = ?",
            [row.series, row.night, row.step, last, metric],
        )
        return [float(value) for (value,) in found]

    # ---- gates -----------------------------------------------------------------------------------

    def judge(
        self, night: int, gates: Sequence[GateRow], accepted: Sequence[tuple[str, str]]
    ) -> None:
        """What the gates said, and the cells that are good enough to be held against."""
        with self._transaction():
            self._db.execute("DELETE FROM gates WHERE night = ?", [night])
            self._db.execute("UPDATE cells SET accepted = FALSE WHERE night = ?", [night])
            for gate in gates:
                values = [getattr(gate, name) for name in GATE.split(", ")]
                marks = ", ".join("?" * (1 + len(values)))
                self._db.execute(f"INSERT INTO gates VALUES ({marks})", [night, *values])
            for series, checkpoint in accepted:
                self._db.execute(
                    f"UPDATE cells SET accepted = TRUE WHERE {AT}", [night, series, checkpoint]
                )

    def gates(self, night: int) -> list[GateRow]:
        found = self.rows(f"SELECT {GATE} FROM gates WHERE night = ? ORDER BY rowid", [night])
        return [GateRow(*row) for row in found]

    def accept(self, night: int) -> int:
        """Takes a finished night as what is meant from now on; how many cells that are."""
        found = self.rows("SELECT ended FROM nights WHERE night = ?", [night])
        if not found or found[0][0] is None:
            raise UserError(
                f"{self.path}: there is no finished night {night}; the last is {self.last_night()}"
            )
        with self._transaction():
            self._db.execute("UPDATE nights SET accepted_by_hand = TRUE WHERE night = ?", [night])
            changed = self.rows(
                "UPDATE cells SET accepted = TRUE WHERE night = ? AND state = 'done' RETURNING 1",
                [night],
            )
        return len(changed)

    def forget_run(self, run: str) -> None:
        """A run directory that is no longer there."""
        self._db.execute("UPDATE cells SET run = '' WHERE run = ?", [run])

    # ---- flaky problems --------------------------------------------------------------------------

    def executed_again(self, night: int) -> int | None:
        """How many programs a night executed again; None where it has not come to it."""
        found = self.rows("SELECT programs FROM executed_again WHERE night = ?", [night])
        return int(found[0][0]) if found else None

    def record_flips(self, night: int, executed: int, flips: Sequence[Flip]) -> None:
        with self._transaction():
            self._db.execute("INSERT INTO executed_again VALUES (?, ?)", [night, executed])
            for flip in flips:
                values = [getattr(flip, name) for name in FLIP.split(", ")]
                self._db.execute(
                    "INSERT INTO flaky VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    [night, *values],
                )

    def flips(self, first: int, last: int) -> list[tuple[int, Flip]]:
        """Those found in these nights, last first."""
        found = self.rows(
            f"SELECT night, {FLIP} FROM flaky WHERE night BETWEEN ? AND ? "
            "ORDER BY night DESC, dataset, language, task_id, program_hash",
            [first, last],
        )
        return [(int(night), Flip(*row)) for night, *row in found]
