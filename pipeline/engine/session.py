"""The scheduler: many prompts in flight, their samples kept together, finished rows replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.arena import TRASH, Arena, Pages
from pipeline.engine.decoding import Runner, Tile
from pipeline.engine.departures import Arriving, Departures, Flags
from pipeline.engine.ledger import Timer
from pipeline.engine.lengths import Limits
from pipeline.engine.philox import stream
from pipeline.engine.planning import BlockTable, Ints, RowsOfPath, to_device
from pipeline.engine.prefill import Chunk
from pipeline.engine.prefix_tree import PrefixTree, Segment
from pipeline.engine.sequences import Group, Owner, Part, Prompt, Sequence
from pipeline.records import UserError


class Session:
    """Completes one stream of prompts. Yields sequences as they finish."""

    def __init__(
        self,
        prompts: Iterable[Prompt],
        runner: Runner,
        arena: Arena,
        blocks: BlockTable,
        timer: Timer,
        *,
        max_rows: int,
        max_new_tokens: int,
        prefill_chunk: int,
        seed: int,
        limits: Limits,
        device: torch.device,
        lag: int,
    ) -> None:
        """limits: lengths at which samples end; lag: decode steps after which the host looks at a
        step's flags."""
        self._prompts = iter(prompts)
        self._runner, self._arena, self._blocks, self._timer = runner, arena, blocks, timer
        self._tree = PrefixTree(arena)
        self._max_new, self._chunk, self._seed = max_new_tokens, prefill_chunk, seed
        self._limits = limits
        self._device = device
        self._lag = lag
        # The last token is never fed back, so it needs no place.
        self._own_pages = arena.pages_for(max_new_tokens - 1)
        self._waiting: Prompt | None = None
        self._exhausted = False
        self._groups: list[Group] = []  # in order of arrival
        self._free_rows = list(range(max_rows - 1, -1, -1))
        self._ahead = max(1, max_rows // 8)  # samples that shall stand ready for rows to come
        self._count: Ints = np.zeros(max_rows, np.int64)  # generated tokens, as launched
        self._generation: Ints = np.zeros(max_rows, np.int64)
        self._pages: dict[int, Pages] = {}
        self._owner: dict[int, Owner] = {}
        self._tiles: list[Tile] | None = None
        self._step = 0  # decode steps launched
        self._flags: deque[Flags] = deque()
        self._departures = Departures(runner.rows, device)

    def run(self) -> Iterator[Sequence]:
        """The decode loop."""
        try:
            while True:
                self._open_groups()
                if not self._groups and not self._departures and self._exhausted:
                    break
                self._prefill()
                self._admit()
                self._look_at_flags()
                self._decode()
                self._look_at_flags()
                yield from self._departures.arrived(wait=not self._owner)
        finally:
            self._timer.close()

    # Prompts come in

    def _next_prompt(self) -> Prompt | None:
        if self._waiting is None and not self._exhausted:
            self._waiting = next(self._prompts, None)
            self._exhausted = self._waiting is None
        return self._waiting

    def _open_groups(self) -> None:
        """Takes prompts while samples are lacking for the free rows and memory lasts."""
        ready = sum(len(group.pending) for group in self._groups)
        while ready < len(self._free_rows) + self._ahead:
            prompt = self._next_prompt()
            if prompt is None:
                return
            group = self._place(prompt)
            if group is None:
                return  # until rows finish
            self._waiting = None
            self._groups.append(group)
            ready += len(group.pending)

    def _place(self, prompt: Prompt) -> Group | None:
        tokens = prompt.tokens
        if self._arena.pages_for(len(tokens)) + self._own_pages > self._arena.capacity:
            raise UserError(
                f"{prompt.problem}: its prompt of {len(tokens)} tokens and "
                f"{self._max_new} new ones need more than the KV cache holds; "
                "raise engine.kv_memory_gib or lower sampling.max_new_tokens"
            )

        # One row's pages are kept back, so that some sample of an open prompt can always run.
        def fits() -> bool:
            needed = self._tree.missing_pages(tokens) + self._own_pages
            return needed <= self._arena.available

        leaf = self._tree.insert(tokens) if fits() else None
        if leaf is None and self._tree.evict() and fits():
            leaf = self._tree.insert(tokens)
        if leaf is None:
            return None
        slots = leaf.path_slots()
        pending = deque(prompt.sample_indices)
        return Group(prompt, leaf, slots, self._blocks.add(slots), pending)

    def _prefill(self) -> None:
        """One pass over at most a chunk of the prompts' tokens that are not computed yet."""
        waiting = [group for group in self._groups if group.logits is None]
        room = self._chunk
        parts: list[Part] = []
        for group in waiting:
            done = sum(segment.computed for segment in group.leaf.path())
            # A prompt that is all there still needs the logits of its last token; the key of that
            # token is not stored again, since others may be reading it.
            start = min(done, len(group.slots) - 1)
            stop = min(start + room, len(group.slots))
            if stop <= start:
                break
            slots = group.slots[start:stop]
            stored = np.full_like(slots, TRASH) if done == len(group.slots) else slots
            parts.append(Part(group, start, stop, stored))
            _mark_computed(group.leaf, stop)
            room -= stop - start
        if parts:
            self._prefill_pass(parts)

    def _prefill_pass(self, parts: list[Part]) -> None:
        chunks = [
            Chunk(
                part.group.prompt.tokens[part.start : part.stop],
                part.start,
                part.group.slots[: part.stop],
                part.slots,
                part.group.blocks,
                _last(part),
            )
            for part in parts
        ]
        rows = sum(len(chunk.tokens) for chunk in chunks)
        read = len(np.unique(np.concatenate([chunk.path for chunk in chunks])))
        logits = self._timer.measure("prefill", rows, read, partial(self._runner.prefill, chunks))
        ending = [part.group for part in parts if part.stop == len(part.group.slots)]
        for group, row in zip(ending, logits, strict=True):
            group.logits = row

    # Samples get rows

    def _admit(self) -> None:
        """Forks samples off prompts that are computed, a prompt's samples one after another."""
        rows: list[int] = []
        groups: list[Group] = []
        ready = [group for group in self._groups if group.logits is not None and group.pending]
        wanted = min(sum(len(group.pending) for group in ready), len(self._free_rows))
        room = self._room(wanted)
        for group in ready:
            while group.pending and len(rows) < room:
                row = self._free_rows.pop()
                sample, prompt = group.pending.popleft(), group.prompt
                words = stream(self._seed, prompt.problem, sample, prompt.purpose, prompt.turn)
                group.active.add(row)
                self._owner[row] = Owner(group, sample, words)
                rows.append(row)
                groups.append(group)
        if rows:
            self._start_rows(np.array(rows, np.int64), groups)

    def _room(self, rows: int) -> int:
        """How many of `rows` new rows there are pages for."""
        if rows * self._own_pages > self._arena.available:
            self._tree.evict()
        return min(rows, self._arena.available // self._own_pages) if self._own_pages else rows

    def _start_rows(self, rows: Ints, groups: list[Group]) -> None:
        pages = self._arena.take_pages(len(rows) * self._own_pages).reshape(len(rows), -1)
        slots = np.zeros((len(rows), self._max_new), np.int64)
        for i, row in enumerate(rows.tolist()):
            self._pages[row] = pages[i]
        if self._own_pages:
            all_slots = self._arena.slots(pages.reshape(-1)).reshape(len(rows), -1)
            length = min(all_slots.shape[1], self._max_new)
            slots[:, :length] = all_slots[:, :length]
        at = to_device(rows, self._device)
        self._runner.rows.admit(
            at,
            to_device(np.array([len(g.slots) for g in groups], np.int64), self._device),
            to_device(self._limits_of(rows), self._device),
            to_device(np.array([g.prompt.stop_state for g in groups], np.int64), self._device),
            to_device(
                np.array([self._owner[r].stream for r in rows.tolist()], np.int64), self._device
            ),
            to_device(slots, self._device),
        )
        unique = list(dict.fromkeys(groups))
        index = {id(group): i for i, group in enumerate(unique)}
        logits = torch.stack([g.logits for g in unique if g.logits is not None])  # [groups, V]
        which = to_device(np.array([index[id(g)] for g in groups], np.int64), self._device)
        self._after_step(rows, self._runner.first(at, logits[which]), fresh=True)
        self._tiles = None

    def _limits_of(self, rows: Ints) -> Ints:
        owners = [self._owner[row] for row in rows.tolist()]
        return np.array(
            [self._limits.of(o.group.prompt.problem, o.sample_index) for o in owners], np.int64
        )

    # Decoding

    def _decode(self) -> None:
        if not self._owner:
            return
        if self._tiles is None:
            self._plan()
        assert self._tiles is not None
        self._step += 1
        for tile in self._tiles:
            own = self._count[tile.host]
            work = partial(self._runner.decode, tile, int(own.max()))
            read = tile.shared_tokens + int(own.sum())
            ended = self._timer.measure("decode", len(tile.host), read, work)
            self._after_step(tile.host, ended, fresh=False)

    def _plan(self) -> None:
        self._tiles = self._runner.tiles(
            [
                RowsOfPath(
                    np.array(sorted(group.active), np.int64),
                    group.blocks,
                    tuple((int(s.slots[0]), len(s.slots)) for s in group.leaf.path()),
                )
                for group in self._groups
                if group.active
            ]
        )

    def _after_step(self, rows: Ints, ended: Tensor, *, fresh: bool) -> None:
        self._count[rows] = 1 if fresh else self._count[rows] + 1
        self._flags.append(Flags(rows, self._generation[rows], self._step, Arriving(ended)))
        full = rows[self._count[rows] >= self._max_new]
        if len(full):
            self._finish(full)

    def _look_at_flags(self) -> None:
        """Ends the sequences whose flags are due: a fixed number of steps after they were taken,
        so that what is drawn in vain does not depend on timing."""
        while self._flags and (self._flags[0].step <= self._step - self._lag or not self._owner):
            flags = self._flags.popleft()
            same = flags.generations == self._generation[flags.rows]
            ended = flags.rows[same & flags.ended.wait().numpy()]
            if len(ended):
                self._finish(ended)

    def _finish(self, rows: Ints) -> None:
        """Sends finished sequences to the host and gives their rows and pages back."""
        owners = [self._owner.pop(row) for row in rows.tolist()]
        self._departures.send(rows, owners, self._count[rows])
        for row, owner in zip(rows.tolist(), owners, strict=True):
            self._arena.give_back(self._pages.pop(row))
            self._free_rows.append(row)
            group = owner.group
            group.active.discard(row)
            if not group.active and not group.pending:
                self._blocks.remove(group.blocks)
                self._tree.release(group.leaf)
                self._groups.remove(group)
        self._generation[rows] += 1
        self._tiles = None


def _mark_computed(leaf: Segment, upto: int) -> None:
    """Notes that the first `upto` tokens of a path will be computed by the pass at hand."""
    start = 0
    for segment in leaf.path():
        segment.computed = max(segment.computed, min(len(segment.tokens), upto - start))
        start += len(segment.tokens)
        if start >= upto:
            break


def _last(part: Part) -> Ints:
    """The token of a part that ends its prompt, if there is one."""
    if part.stop < len(part.group.slots):
        return np.zeros(0, np.int64)
    return np.array([part.stop - part.start - 1], np.int64)
