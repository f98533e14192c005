"""The scheduler: many prompts in flight, their samples kept together, finished rows replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.decoding import Runner
from pipeline.engine.demand import Demand
from pipeline.engine.departures import Arriving, Departures, Flags
from pipeline.engine.graphs_ahead import Asked
from pipeline.engine.ledger import Timer
from pipeline.engine.lengths import Limits
from pipeline.engine.open_prompts import OpenPrompts
from pipeline.engine.own_pages import OwnPages
from pipeline.engine.philox import stream
from pipeline.engine.planning import Ints, to_device
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.engine.seats import Seats
from pipeline.engine.sequences import Failure, Group, Owner, Prompt, Sequence

AHEAD = 4  # of a page: a row that is so near its end gets the next one together with others


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
        self._max_new, self._seed = max_new_tokens, seed
        self._limits, self._device, self._lag = limits, device, lag
        # The last token is never fed back, so it needs no place.
        self._own = OwnPages(runner.arena, runner.rows, max_new_tokens - 1)
        self._prompts = OpenPrompts(
            prompts, runner, timer, prefill_chunk=prefill_chunk, own_pages=self._own.most, fail=fail
        )
        self._seats = Seats(runner)
        self._prepared = False
        self._demand = Demand(max_new_tokens)
        self._free_rows = list(range(max_rows - 1, -1, -1))
        self._ahead = max(1, max_rows // 8)  # samples that shall stand ready for rows to come
        # Generated tokens, as launched; the last is padding's.
        self._count: Ints = np.zeros(max_rows + 1, np.int64)
        self._count[max_rows] = 1
        self._generation: Ints = np.zeros(max_rows + 1, np.int64)
        self._running = np.zeros(max_rows, bool)
        self._age: Ints = np.zeros(max_rows, np.int64)  # by order of admission
        self._admitted = 0
        self._expected = self._own.most  # own pages of a sample
        self._room = 0  # pages that may still be promised
        self._unseated = 0  # samples that could run if there were a new plan
        self._owner: dict[int, Owner] = {}
        self._step = 0  # decode steps launched
        self._flags: deque[Flags] = deque()
        self._done: deque[Sequence] = deque()
        self._departures = Departures(runner.rows, device)
        self._events = events

    def run(self) -> Iterator[Sequence]:
        """The decode loop."""
        try:
            while self._prompts or self._departures:
                self._open()
                self._prompts.prefill()
                self._prepare()
                self._admit()
                self._look_at_flags()
                self._decode()
                self._look_at_flags()
                self._receive(self._step - self._lag if self._running.any() else self._step)
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
        most = len(self._free_rows)
        if self._prompts.exhausted:
            most = min(most, sum(prompt.samples for prompt in asked))
        if self._own.most:
            most = min(most, self._arena.available)  # a row takes a page at least
        self._runner.prepare(most, asked)

    # Samples get rows

    def _promised(self, expected: int) -> int:
        """Pages that the rows being decoded will still take, as far as is known."""
        held = self._own.held[self._running]
        # A row that has outgrown what was expected takes one more, unless it has all there are.
        return int(np.maximum(expected - held, np.minimum(self._own.most - held, 1)).sum())

    def _open(self) -> None:
        """Takes prompts while samples are lacking for the free rows and memory lasts."""
        tokens = self._demand.tokens(int(self._count[:-1][self._running].sum()))
        # Own pages that a sample is expected to need in all; at least one where any is.
        self._expected = max(int(self._own.needed(np.array([tokens]))[0]), min(self._own.most, 1))
        expected = self._expected
        # Where no row runs, the first one may need all that a row ever does.
        row = expected if self._running.any() else self._own.most
        promised, free = self._promised(expected), len(self._free_rows)
        every_row = promised + max(free * expected, row)
        self._prompts.fill(free + self._ahead, promised + row, every_row)

    def _admit(self) -> None:
        """Parked samples go on and new ones are forked off prompts that are computed, a prompt's
        samples one after another. What finds no place in the plan waits until a new one is due."""
        self._room = self._arena.available - self._promised(self._expected)
        replan = self._seats.due or not self._running.any()
        fresh: list[tuple[int, Group]] = []
        self._unseated = 0
        for group in self._prompts.ready:
            if not self._admit_from(group, replan, fresh):
                break  # older samples first
        if fresh:
            self._start(fresh)
        if replan and self._running.any():
            self._plan()
            self._events.plans += 1

    def _admit_from(self, group: Group, replan: bool, fresh: list[tuple[int, Group]]) -> bool:
        """Notes new rows in `fresh`; False where memory ends."""
        places = self._seats.idle(group)
        while group.waiting and (group.parked or self._free_rows):
            parked = min(group.parked, key=lambda row: self._age[row], default=None)
            pages = self._expected if parked is None else max(self._expected, self._needed(parked))
            # Alone, a sample has all that is left.
            if pages > (self._room if self._running.any() else self._arena.available):
                return False
            if not replan and not places:
                self._unseated += min(group.waiting, len(self._free_rows) + len(group.parked))
                return True
            self._room -= pages
            places -= 1
            if parked is None:
                fresh.append((self._fork(group), group))
            else:
                self._resume(parked, group)
        return True

    def _needed(self, row: int) -> int:
        """Pages of a row in the coming step."""
        return int(self._own.needed(self._count[row : row + 1])[0])

    def _fork(self, group: Group) -> int:
        row, prompt = self._free_rows.pop(), group.prompt
        sample = group.pending.popleft()
        words = stream(self._seed, prompt.problem, sample, prompt.purpose, prompt.turn)
        self._owner[row] = Owner(group, sample, words)
        self._age[row] = self._admitted
        self._admitted += 1
        group.active.add(row)
        self._running[row] = True
        self._count[row] = 0
        return row

    def _start(self, fresh: list[tuple[int, Group]]) -> None:
        """First tokens of new rows, from their prompts' logits."""
        rows = np.array([row for row, _ in fresh], np.int64)
        table = np.empty((len(rows), 8), np.int64)
        for i, (row, group) in enumerate(fresh):
            owner, prompt = self._owner[row], group.prompt
            limit = self._limits.of(prompt.problem, owner.sample_index)
            table[i] = row, len(group.slots), limit, prompt.stop_state, *owner.stream
        unique = list(dict.fromkeys(group for _, group in fresh))
        index = {group: i for i, group in enumerate(unique)}
        which = np.array([index[group] for _, group in fresh], np.int64)
        both = to_device(np.column_stack([table, which]), self._device)  # one copy
        self._runner.rows.admit(both[:, :8])
        logits = torch.stack([g.logits for g in unique if g.logits is not None])  # [groups, V]
        ended = self._runner.first(both[:, 0], logits[both[:, 8]])
        self._after_step(rows, ended, fresh=True)
        for group in unique:
            mine = [row for row, of in fresh if of is group and self._running[row]]
            self._seats.sit(mine, group)

    def _resume(self, row: int, group: Group) -> None:
        parked = group.parked.pop(row)
        self._own.grow(np.array([row]), np.array([self._needed(row)]))
        self._own.restore(row, parked)
        group.active.add(row)
        self._running[row] = True
        self._seats.sit([row], group)

    def _plan(self) -> None:
        self._seats.plan(
            [
                (group, np.array(sorted(group.active), np.int64))
                for group in self._prompts.open
                if group.active
            ]
        )

    # Rows grow

    def _grow(self) -> None:
        """Every row gets a place for the key that the coming step stores, and when some need a new
        page, those that will soon get theirs too, as far as memory goes."""
        rows = np.flatnonzero(self._running)
        counts = self._count[rows]
        now = self._own.needed(counts)
        if (now <= self._own.held[rows]).all():
            return
        soon = self._own.needed(counts + self._arena.page_size // AHEAD)
        if self._lacking(rows, soon) <= 0:
            self._own.grow(rows, soon)
            return
        while self._lacking(rows, now) > 0 and self._give_way():
            rows = np.flatnonzero(self._running)
            now = self._own.needed(self._count[rows])
        self._own.grow(rows, now)

    def _lacking(self, rows: Ints, pages: Ints) -> int:
        more = int(np.maximum(pages - self._own.held[rows], 0).sum())
        return more - self._arena.available

    def _give_way(self) -> bool:
        """Frees memory for older rows; False when no row is left."""
        if self._flags or self._departures:
            self._look_at_flags(everything=True)
            self._receive(self._step)
            return True
        if self._prompts.evict():
            return True
        for group in reversed(self._prompts.open):
            if not group.active:
                self._close(group)
                return True
        rows = np.flatnonzero(self._running)
        if not len(rows):
            return False
        self._park(int(rows[self._age[rows].argmax()]))
        return True

    def _park(self, row: int) -> None:
        """Moves a row's own keys to the host. It keeps its state on the device."""
        group = self._owner[row].group
        self._seats.leave(np.array([row]), [group])
        group.active.discard(row)
        group.parked[row] = self._own.offload(row, int(self._count[row]) - 1)
        self._running[row] = False
        self._events.parked_rows += 1

    def _close(self, group: Group) -> None:
        self._seats.drop(group)
        self._prompts.close(group)
        self._events.closed_prompts += 1

    # Decoding

    def _decode(self) -> None:
        if not self._running.any():
            if self._prompts.open and not self._flags and not self._departures:
                self._unlock()
            return
        self._grow()
        if not self._running.any():
            return
        self._seats.count_step(self._unseated)
        self._step += 1
        padding = self._runner.rows.padding
        for tile in self._seats.settle():
            rows = tile.host.copy()
            live = rows[rows != padding]
            own = self._count[live]
            self._runner.refresh(tile)  # no part of what the step takes
            work = partial(self._runner.decode, tile, int(own.max()))
            read = tile.shared_tokens + int(own.sum())
            ended = self._timer.measure("decode", len(live), read, work)
            self._after_step(rows, ended, fresh=False)

    def _unlock(self) -> None:
        """No row runs and none could be admitted: unless prompts are still being computed, the
        newest gives way, and at last the oldest itself, which then finds an empty arena."""
        if len(self._prompts.ready) == len(self._prompts.open) and not self._prompts.evict():
            self._close(self._prompts.open[-1])

    def _after_step(self, rows: Ints, ended: Tensor, *, fresh: bool) -> None:
        live = rows[rows != self._runner.rows.padding]
        self._count[live] = 1 if fresh else self._count[live] + 1
        self._flags.append(Flags(rows, self._generation[rows], self._step, Arriving(ended)))
        full = live[self._count[live] >= self._max_new]
        if len(full):
            self._finish(full)

    def _look_at_flags(self, everything: bool = False) -> None:
        """Ends the sequences whose flags are due: a fixed number of steps after they were taken,
        so that what is drawn in vain does not depend on timing."""
        everything = everything or not self._running.any()
        while self._flags and (everything or self._flags[0].step <= self._step - self._lag):
            flags = self._flags.popleft()
            same = flags.generations == self._generation[flags.rows]
            same &= flags.rows != self._runner.rows.padding
            ended = flags.rows[same & flags.ended.wait().numpy()]
            if len(ended):
                self._finish(ended)

    def _finish(self, rows: Ints) -> None:
        """Sends finished sequences to the host and gives their rows back."""
        owners = [self._owner.pop(row) for row in rows.tolist()]
        pages = self._own.leave(rows)
        self._departures.send(rows, owners, self._count[rows], pages, self._step)
        self._demand.end(int(self._count[rows].sum()), len(rows))
        self._running[rows] = False
        self._generation[rows] += 1
        groups = [owner.group for owner in owners]
        self._seats.leave(rows, groups)
        for row, group in zip(rows.tolist(), groups, strict=True):
            self._free_rows.append(row)
            group.active.discard(row)
            group.parked.pop(row, None)

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
