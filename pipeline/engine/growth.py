"""Rows grow by pages; where there are none left, newer samples give way to older ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.engine.arena import Arena
from pipeline.engine.open_prompts import OpenPrompts
from pipeline.engine.own_pages import OwnPages
from pipeline.engine.planning import Ints
from pipeline.engine.row_table import RowTable
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.engine.seats import Seats
from pipeline.engine.sequences import Group

AHEAD = 4  # of a page: a row that is so near its end gets the next one together with others


class Growth:
    """Pages for the coming step. The oldest row can always have everything, so a run goes on."""

    def __init__(
        self, table: RowTable, prompts: OpenPrompts, own: OwnPages, seats: Seats, arena: Arena,
        events: SchedulerEvents, settle: Callable[[], bool],
    ) -> None:  # fmt: skip
        """settle: waits for all that is on its way from the device, and takes it; False where
        there was nothing."""
        self._table, self._prompts, self._own, self._seats = table, prompts, own, seats
        self._arena, self._events, self._settle = arena, events, settle

    def grow(self) -> None:
        """Every row gets a place for the key that the coming step stores, and when some need a new
        page, those that will soon get theirs too, as far as memory goes."""
        rows = self._table.rows
        counts = self._table.count[rows]
        now = self._own.needed(counts)
        if (now <= self._own.held[rows]).all():
            return
        soon = self._own.needed(counts + self._arena.page_size // AHEAD)
        if self._lacking(rows, soon) <= 0:
            self._own.grow(rows, soon)
            return
        while self._lacking(rows, now) > 0 and self._give_way():
            rows = self._table.rows
            now = self._own.needed(self._table.count[rows])
        self._own.grow(rows, now)

    def unlock(self) -> None:
        """No row runs and none could be admitted: unless prompts are still being computed, the
        newest gives way, and at last the oldest itself, which then finds an empty arena."""
        if len(self._prompts.ready) == len(self._prompts.open) and not self._prompts.evict():
            self._close(self._prompts.open[-1])

    def _lacking(self, rows: Ints, pages: Ints) -> int:
        more = int(np.maximum(pages - self._own.held[rows], 0).sum())
        return more - self._arena.available

    def _give_way(self) -> bool:
        """Frees memory for older rows; False when no row is left."""
        if self._settle() or self._prompts.evict():
            return True
        for group in reversed(self._prompts.open):
            if not group.active:
                self._close(group)
                return True
        if not len(self._table):
            return False
        self._park(self._table.newest())
        return True

    def _park(self, row: int) -> None:
        """Moves a row's own keys to the host. It keeps its state on the device."""
        group = self._table.owner[row].group
        self._seats.leave(np.array([row]), [group])
        group.parked[row] = self._own.offload(row, int(self._table.count[row]) - 1)
        self._table.stop(row)
        self._events.parked_rows += 1

    def _close(self, group: Group) -> None:
        self._seats.drop(group)
        self._prompts.close(group)
        self._events.closed_prompts += 1
