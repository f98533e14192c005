"""Buffers rows into commits of a useful size."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from pipeline.records import Record, UserError
from pipeline.store.parted import PartedTables
from pipeline.store.shards import key_of
from pipeline.store.tables import StageTables


class Writer:
    """Collects rows and commits them together; a context manager, safe to use from threads.

    Rows given in one `add` land in one commit. A commit is made when `rows_per_shard` rows of one
    table are waiting, or when the oldest waiting row is `seconds_per_shard` old (also while no rows
    come), or at the end of the context, however it ends. A kill loses the waiting rows only.
    """

    def __init__(
        self, tables: StageTables | PartedTables, rows_per_shard: int, seconds_per_shard: float
    ) -> None:
        self._tables = tables
        self._rows_per_shard = rows_per_shard
        self._seconds_per_shard = seconds_per_shard
        self._changed = threading.Condition()  # guards what follows
        self._waiting: list[Record] = []
        self._counts: dict[str, int] = {}
        self._oldest = 0.0
        self._torn = False
        self._closed = False
        self._failure: BaseException | None = None
        self._clock = threading.Thread(target=self._watch, name="shard-clock", daemon=True)

    def __enter__(self) -> Self:
        self._clock.start()
        return self

    def add(self, *rows: Record) -> None:
        """Adds rows that belong together.

        Raises:
            UserError: see `StageTables.commit`; also for a commit made meanwhile by the clock.
        """
        with self._changed:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if not self._waiting:
                self._oldest = time.monotonic()
                self._changed.notify()
            self._waiting.extend(rows)
            for row in rows:
                self._counts[row.TABLE] = self._counts.get(row.TABLE, 0) + 1
            if max(self._counts.values(), default=0) >= self._rows_per_shard:
                self._flush()

    def flush(self) -> None:
        """Commits what is waiting."""
        with self._changed:
            self._flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._clock.join()
        try:
            self.flush()
        except UserError as failure:
            if error is None:
                raise
            error.add_note(f"and the rows since the last shard could not be stored: {failure}")
        if self._failure is not None and error is None:
            raise self._failure

    def _flush(self) -> None:
        """Commits what is waiting. The caller holds `_changed`, so commits keep their order."""
        if self._torn:  # a commit of these rows ended half way: it counts, or it does not
            there = {name: self._tables.keys(name) for name in self._counts}
            self._waiting = [row for row in self._waiting if key_of(row) not in there[row.TABLE]]
        self._torn = True
        self._tables.commit(self._waiting)
        self._torn = False
        self._waiting, self._counts = [], {}

    def _watch(self) -> None:
        """Commits rows that waited long enough."""
        with self._changed:
            while not self._closed:
                if not self._waiting:
                    self._changed.wait()
                    continue
                left = self._oldest + self._seconds_per_shard - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                try:
                    self._flush()
                except Exception as failure:  # raised in `add`, where the user's thread is
                    self._failure = failure
                    return
