"""The scheduler: many prompts in flight, their samples kept together, finished rows replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.admission import Admission
from pipeline.engine.decoding import Runner
from pipeline.engine.demand import Demand
from pipeline.engine.departures import Arriving, Departures, Flags
from pipeline.engine.graphs_ahead import Asked
from pipeline.engine.growth import Growth
from pipeline.engine.laps import Timed
from pipeline.engine.ledger import Timer
from pipeline.engine.lengths import Limits
from pipeline.engine.open_prompts import OpenPrompts
from pipeline.engine.own_pages import OwnPages
from pipeline.engine.pace import Pace
from pipeline.engine.planning import Ints, to_device
from pipeline.engine.row_table import RowTable
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.engine.seats import Seats
from pipeline.engine.sequences import Failure, Group, Prompt, Sequence

WAVES = 2  # times all rows


class Session:
    """Completes one stream of prompts. Yields sequences as they finish.

    Memory: a row takes pages as it grows. New rows are admitted while the expected rest of all
    rows fits. Where that was too hopeful, the newest rows are parked (their own keys go to the
    host) and prompts that no row reads are closed (their keys are computed again); the oldest row
    can always have everything, so the run always goes on.
    """

    def __init__(
        self,
        prompts: Iterable[Prompt],
        runner: Runner,
        timer: Timer,
        *,
        max_rows: int,
        max_new_tokens: int,
        prefill_chunk: int,
        seed: int,
        limits: Limits,
        device: torch.device,
        lag: int,
        fail: Callable[[Failure], None],
        events: SchedulerEvents,
    ) -> None:
        """limits: lengths at which samples end; lag: decode steps after which the host looks at a
        step's flags; fail: told of samples that cannot be drawn."""
        self._runner, self._arena, self._timer = runner, runner.arena, timer
        self._max_new, self._limits = max_new_tokens, limits
        self._device, self._lag, self._events = device, lag, events
        self._table = RowTable(max_rows)
        # The last token is never fed back, so it needs no place.
        self._own = OwnPages(runner.arena, runner.rows, max_new_tokens - 1)
        self._prompts = OpenPrompts(
            prompts, runner, timer, prefill_chunk=prefill_chunk, own_pages=self._own.most, fail=fail
        )
        self._seats = Seats(runner)
        self._demand = Demand(max_new_tokens)
        self._admission = Admission(
            self._table, self._prompts, self._own, self._seats, self._demand, runner.arena,
            Pace([max_rows], 0.0, events), seed,
        )  # fmt: skip
        self._growth = Growth(
            self._table, self._prompts, self._own, self._seats, runner.arena, events, self._take_all
        )
        self._prepared = False
        self._step = 0  # decode steps launched
        self._flags: deque[Flags] = deque()
        self._done: deque[Sequence] = deque()
        self._departures = Departures(runner.rows, device)

    def run(self) -> Iterator[Sequence]:
        """The decode loop."""
        try:
            while self._prompts or self._departures:
                self._admission.open()
                self._prompts.prefill()
                self._prepare()
                self._admit()
                self._look_at_flags()
                self._decode()
                self._look_at_flags()
                self._receive(self._step - self._lag if len(self._table) else self._step)
                while self._done:
                    yield self._done.popleft()
        finally:
            self._timer.close()

    def _prepare(self) -> None:
        """Before the first sample: the graphs of all steps that the run can come to."""
        if self._prepared or not self._prompts.ready:
            return
        self._prepared = True
        asked = [Asked(group.runs, group.waiting) for group in self._prompts.open]
        places, waiting = len(self._table.free), sum(prompt.samples for prompt in asked)
        most = min(places, waiting) if self._prompts.exhausted else places
        if self._own.most:
            most = min(most, self._arena.available)  # a row takes a page at least
        self._runner.prepare(most, asked)
        # What is drawn in a wave or two is through before heights are measured.
        several = not self._prompts.exhausted or waiting > WAVES * places
        if self._runner.heights and several:
            self._admission.pace = Pace(self._runner.heights, self._runner.free_rows, self._events)

    def _admit(self) -> None:
        """New samples get their first tokens and, with those that were waiting, their places."""
        replan = self._seats.due or not len(self._table)
        fresh = self._admission.admit(replan)
        if fresh:
            self._start(fresh)
        if replan and len(self._table):
            self._plan()
            self._events.plans += 1

    def _start(self, fresh: list[tuple[int, Group]]) -> None:
        """First tokens of new rows, from their prompts' logits."""
        rows = np.array([row for row, _ in fresh], np.int64)
        table = np.empty((len(rows), 8), np.int64)
        for i, (row, group) in enumerate(fresh):
            owner, prompt = self._table.owner[row], group.prompt
            limit = self._limits.of(prompt.problem, owner.sample_index)
            table[i] = row, len(group.slots), limit, prompt.stop_state, *owner.stream
        unique = list(dict.fromkeys(group for _, group in fresh))
        index = {group: i for i, group in enumerate(unique)}
        which = np.array([index[group] for _, group in fresh], np.int64)
        both = to_device(np.column_stack([table, which]), self._device)  # one copy
        self._runner.rows.admit(both[:, :8])
        logits = torch.stack([g.logits for g in unique if g.logits is not None])  # [groups, V]
        ended = self._runner.first(both[:, 0], logits[both[:, 8]])
        self._after_step(rows, ended, None)
        for group in unique:
            mine = [row for row, of in fresh if of is group and self._table.running[row]]
            self._seats.sit(mine, group)

    def _plan(self) -> None:
        self._seats.plan(
            [
                (group, np.array(sorted(group.active), np.int64))
                for group in self._prompts.open
                if group.active
            ]
        )

    def _decode(self) -> None:
        if not len(self._table):
            if self._prompts.open and not self._flags and not self._departures:
                self._growth.unlock()
            return
        self._growth.grow()
        if not len(self._table):
            return
        self._seats.count_step(self._admission.unseated)
        self._step += 1
        padding = self._runner.rows.padding
        for tile in self._seats.settle():
            rows = tile.host.copy()
            live = rows[rows != padding]
            own = self._table.count[live]
            self._runner.refresh(tile)  # no part of what the step takes
            work = partial(self._runner.decode, tile, int(own.max()))
            read = tile.shared_tokens + int(own.sum())
            ended, lap = self._timer.measure("decode", len(live), read, work)
            self._after_step(rows, ended, Timed(len(tile.rows), lap))

    def _after_step(self, rows: Ints, ended: Tensor, timed: Timed | None) -> None:
        """timed: the decode step, None where the tokens were the rows' first ones."""
        live = rows[rows != self._runner.rows.padding]
        count = self._table.count
        count[live] = 1 if timed is None else count[live] + 1
        generations = self._table.generation[rows]
        self._flags.append(Flags(rows, generations, self._step, Arriving(ended), timed))
        full = live[count[live] >= self._max_new]
        if len(full):
            self._finish(full)

    def _look_at_flags(self, everything: bool = False) -> None:
        """Ends the sequences whose flags are due: a fixed number of steps after they were taken,
        so that what is drawn in vain does not depend on timing."""
        everything = everything or not len(self._table)
        while self._flags and (everything or self._flags[0].step <= self._step - self._lag):
            flags = self._flags.popleft()
            same = flags.generations == self._table.generation[flags.rows]
            same &= flags.rows != self._runner.rows.padding
            ended = flags.rows[same & flags.ended.wait().numpy()]
            if flags.timed is not None:
                self._admission.pace.note(flags.timed.height, flags.timed.lap.seconds)
            if len(ended):
                self._finish(ended)

    def _take_all(self) -> bool:
        """Waits for all that is on its way to the host; False where there is nothing."""
        if not self._flags and not self._departures:
            return False
        self._look_at_flags(everything=True)
        self._receive(self._step)
        return True

    def _finish(self, rows: Ints) -> None:
        """Sends finished sequences to the host and gives their rows back."""
        owners = self._table.end(rows)
        pages, counts = self._own.leave(rows), self._table.count[rows]
        self._departures.send(rows, owners, counts, pages, self._step)
        self._demand.end(int(counts.sum()), len(rows))
        self._seats.leave(rows, [owner.group for owner in owners])

    def _receive(self, upto: int) -> None:
        """Takes what was sent to the host up to a step; its pages are free then, and so are the
        keys of prompts that are through."""
        for sequences, pages in self._departures.arrived(upto):
            if any(sequence.failed for sequence in sequences):
                self._arena.tainted = True
                self._arena.cleanse(self._arena.slots(pages))
            self._arena.give_back(pages)
            self._done.extend(sequences)
        for group in [*self._prompts.open, *self._prompts.closed]:
            if not group.active and not group.waiting and not group.departing:
                self._seats.drop(group)
                self._prompts.forget(group)
