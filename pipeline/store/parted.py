"""The rows of a stage, each part of them under an identity of its own.

A part is a dataset in one language. What its rows mean depends on nothing that belongs to another
part, so a benchmark or a language more, or one language's stop strings changed, leaves the rows of
the other parts where they are.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipeline.records import Part, Record, part_of
from pipeline.store.disk import full_disk
from pipeline.store.tables import Shard, StageTables


class PartedTables:
    """The current tables of a stage as one. Made by `Store`; safe to use from several threads.

    whole: the tables of rows that belong to no part (an engine's timings). parts: those of the
    others. changed: notified of every commit to any of them.
    """

    def __init__(
        self,
        whole: StageTables,
        parts: Mapping[Part, StageTables],
        changed: threading.Condition,
    ) -> None:
        self.stage = whole.stage
        self.identity = whole.identity
        self.parts = dict(parts)
        self._whole = whole
        self._members = (whole, *self.parts.values())
        self._changed = changed

    def tables(self) -> dict[str, int]:
        """Rows of each table that has any."""
        found: dict[str, int] = {}
        for member in self._members:
            for name, rows in member.tables().items():
                found[name] = found.get(name, 0) + rows
        return dict(sorted(found.items()))

    def table(self, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of table `name`, or the named columns of them; every key occurs once.

        Raises:
            UserError: a shard is missing or damaged (named).
        """
        return pa.concat_tables([member.table(name, columns) for member in self._members])

    def records(self, name: str) -> Iterator[Any]:
        """The rows of table `name` as records, read a shard at a time."""
        for member in self._members:
            yield from member.records(name)

    def keys(self, name: str) -> set[tuple[Any, ...]]:
        """The keys of table `name`: what need not be done again."""
        return set().union(*(member.keys(name) for member in self._members))

    def follow(self, name: str) -> Iterator[list[Any]]:
        """The records of table `name`, a shard at a time, as commits add them.

        Starts with the shards that are there; then waits for further commits of this process (from
        other threads), and ends when `finish` was called and every shard was given.
        """
        given = dict.fromkeys(self._members, 0)
        while found := self._next(name, given):
            member, shard = found
            given[member] += 1
            yield list(member.rows(shard))

    def _next(
        self, name: str, given: Mapping[StageTables, int]
    ) -> tuple[StageTables, Shard] | None:
        """A shard that was not given yet, when it comes; None when none ever will."""

        def found() -> tuple[StageTables, Shard] | None:
            for member, count in given.items():
                if more := member.shards(name)[count : count + 1]:
                    return member, more[0]
            return None

        with self._changed:
            self._changed.wait_for(lambda: found() or self._whole.finished)
            return found()

    def finish(self) -> None:
        """Says that no more rows will come, so that `follow` ends. Call it in a `finally`."""
        self._whole.finish()

    def commit(self, rows: Iterable[Record]) -> None:
        """Adds `rows`, of one or more tables, durably: all or none of each part's.

        Raises:
            ValueError: as `StageTables.commit` does; also for a row of no part that is here.
            UserError: the disk is full or fails; see `StageTables.commit`.
        """
        groups: dict[StageTables, list[Record]] = {}
        for row in rows:
            groups.setdefault(self._of(row), []).append(row)
        # The reserve that one part took is room for the others: none is left out for that.
        from_reserve = [member.add(group) for member, group in groups.items()]
        if any(from_reserve):
            raise full_disk(self._whole.root, lost=False)

    def _of(self, row: Record) -> StageTables:
        part = part_of(row)
        if part is None:
            return self._whole
        if part not in self.parts:
            raise ValueError(f"{self.stage}: {part} is no part of this run")
        return self.parts[part]
