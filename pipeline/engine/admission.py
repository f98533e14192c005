"""Which samples get rows: prompts are opened, parked samples go on, new ones are forked off."""

from __future__ import annotations

import numpy as np

from pipeline.engine.arena import Arena
from pipeline.engine.demand import Demand
from pipeline.engine.open_prompts import OpenPrompts
from pipeline.engine.own_pages import OwnPages
from pipeline.engine.pace import Pace
from pipeline.engine.philox import stream
from pipeline.engine.row_table import RowTable
from pipeline.engine.seats import Seats
from pipeline.engine.sequences import Group, Owner


class Admission:
    """Admits while the expected rest of all rows fits into the free pages, and up to as many rows
    as pay (`pace`). A prompt's samples come one after another, older prompts first."""

    def __init__(
        self, table: RowTable, prompts: OpenPrompts, own: OwnPages, seats: Seats, demand: Demand,
        arena: Arena, pace: Pace, seed: int,
    ) -> None:  # fmt: skip
        self._table, self._prompts, self._own = table, prompts, own
        self._seats, self._demand, self._arena, self._seed = seats, demand, arena, seed
        self.pace = pace
        self._ahead = max(
            1, len(table.free) // 8
        )  # samples that shall stand ready for rows to come
        self._expected = own.most  # own pages of a sample
        self._room = 0  # pages that may still be promised
        self._vacant = 0  # rows that may still be admitted
        self.unseated = 0  # samples that could run if there were a new plan

    def open(self) -> None:
        """Takes prompts while samples are lacking for the free rows and memory lasts."""
        tokens = self._demand.tokens(self._table.tokens)
        # Own pages that a sample is expected to need in all; at least one where any is.
        self._expected = max(self._own.needed_by(tokens), min(self._own.most, 1))
        # Where no row runs, the first one may need all that a row ever does.
        row = self._expected if len(self._table) else self._own.most
        promised = self._promised()
        vacant = min(self._places_left(), len(self._table.free))
        every_row = promised + max(vacant * self._expected, row)
        self._prompts.fill(vacant + self._ahead, promised + row, every_row)

    def admit(self, replan: bool) -> list[tuple[int, Group]]:
        """New rows and their prompts, whose first tokens are to be drawn; parked rows go on. What
        finds no place in the plan waits until a new one is due. replan: it is."""
        self._room = self._arena.available - self._promised()
        self._vacant = self._places_left()
        self.unseated = 0
        fresh: list[tuple[int, Group]] = []
        for group in self._prompts.ready:
            if not self._admit_from(group, replan, fresh):
                break  # older samples first
        return fresh

    def _places_left(self) -> int:
        """Rows that may run beside those that do, free ones and parked ones."""
        most = self.pace.rows
        return len(self._table.running) if most is None else max(most - len(self._table), 0)

    def _promised(self) -> int:
        """Pages that the rows being decoded will still take, as far as is known."""
        held = self._own.held[self._table.running]
        # A row that has outgrown what was expected takes one more, unless it has all there are.
        more = np.maximum(self._expected - held, np.minimum(self._own.most - held, 1))
        return int(more.sum())

    def _admit_from(self, group: Group, replan: bool, fresh: list[tuple[int, Group]]) -> bool:
        """Notes new rows in `fresh`; False where memory ends."""
        table = self._table
        places = self._seats.idle(group)
        while self._vacant and group.waiting and (group.parked or table.free):
            parked = table.oldest(group.parked)
            pages = self._expected
            if parked is not None:
                pages = max(pages, self._own.needed_by(int(table.count[parked])))
            # Alone, a sample has all that is left.
            if pages > (self._room if len(table) else self._arena.available):
                return False
            if not replan and not places:
                could = min(group.waiting, len(table.free) + len(group.parked), self._vacant)
                self.unseated += could
                return True
            self._room -= pages
            places -= 1
            self._vacant -= 1
            if parked is None:
                fresh.append((self._fork(group), group))
            else:
                self._resume(parked, group)
        return True

    def _fork(self, group: Group) -> int:
        prompt, sample = group.prompt, group.pending.popleft()
        words = stream(self._seed, prompt.problem, sample, prompt.purpose, prompt.turn)
        return self._table.admit(Owner(group, sample, words))

    def _resume(self, row: int, group: Group) -> None:
        parked = group.parked.pop(row)
        needed = self._own.needed_by(int(self._table.count[row]))
        self._own.grow(np.array([row]), np.array([needed]))
        self._own.restore(row, parked)
        self._table.resume(row)
        self._seats.sit([row], group)
