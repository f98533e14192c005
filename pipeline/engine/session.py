"""The scheduler: many prompts in flight, their samples kept together, finished rows replaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.arena import TRASH, Arena, Pages
from pipeline.engine.decoding import Rows, Runner, Tile
from pipeline.engine.ledger import Timer
from pipeline.engine.philox import stream
from pipeline.engine.planning import BlockTable, Ints, RowsOfPath, to_device
from pipeline.engine.prefix_tree import PrefixTree, Segment
from pipeline.records import UserError
from pipeline.services import CompletionRequest


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request with its tokens, checked against the model's context."""

    request: CompletionRequest
    tokens: Ints  # [prompt]
    stop_state: int  # initial state of its stop automaton
    header_tokens: int  # leading tokens that are the run's few-shot header


@dataclass(slots=True, eq=False)
class Group:
    """A prompt in flight and its samples."""

    prompt: Prompt
    leaf: Segment
    slots: Ints  # [prompt] slot of each token
    blocks: Ints  # ids of its blocks, root first
    pending: deque[int]  # samples that have no row yet
    active: set[int] = field(default_factory=set)  # rows
    logits: Tensor | None = None  # [V] of the last prompt token, once it is prefilled


@dataclass(frozen=True, slots=True)
class _Part:
    """Tokens of one prompt in a prefill pass: positions from start to stop."""

    group: Group
    start: int
    stop: int
    slots: Ints  # [stop - start] where their keys are stored


@dataclass(frozen=True, slots=True)
class Sequence:
    """One finished sample, as it left the device."""

    prompt: Prompt
    sample_index: int
    stream: tuple[int, int, int, int]
    generated: int  # tokens drawn, those after the end included
    ids: list[int]  # up to the end of the sequence
    raw: list[float]
    processed: list[float]
    ended: bool  # by EOS or a stop string


@dataclass(frozen=True, slots=True)
class _Flags:
    """Which rows had ended after a step; on its way to the host."""

    rows: Ints  # [n]
    generations: Ints  # [n] tells a row's sequence from its successor
    step: int  # decode steps launched before it was taken
    ended: Tensor  # [n] bool
    event: torch.cuda.Event | None


@dataclass(frozen=True, slots=True)
class _Leaving:
    """Finished sequences on their way to the host."""

    owners: list[tuple[Prompt, int, tuple[int, int, int, int]]]
    counts: Ints  # [n] tokens generated
    ended: Tensor  # [n]
    ids: Tensor  # [n, longest]
    raw: Tensor
    processed: Tensor
    event: torch.cuda.Event | None


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
        device: torch.device,
    ) -> None:
        self._prompts = iter(prompts)
        self._runner, self._arena, self._blocks, self._timer = runner, arena, blocks, timer
        self._tree = PrefixTree(arena)
        self._max_new, self._chunk, self._seed = max_new_tokens, prefill_chunk, seed
        self._device = device
        # The host looks at the flags of a step while the device works on the next one.
        self._lag = 1 if device.type == "cuda" else 0
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
        self._owner: dict[int, tuple[Group, int, tuple[int, int, int, int]]] = {}
        self._tiles: list[Tile] | None = None
        self._step = 0  # decode steps launched
        self._flags: deque[_Flags] = deque()
        self._leaving: deque[_Leaving] = deque()

    def run(self) -> Iterator[Sequence]:
        """The decode loop."""
        while True:
            self._open_groups()
            if not self._groups and not self._leaving and self._exhausted:
                break
            self._prefill()
            self._admit()
            self._look_at_flags()
            self._decode()
            self._look_at_flags()
            yield from self._arrivals()
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
                f"{prompt.request.problem}: its prompt of {len(tokens)} tokens and "
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
        pending = deque(prompt.request.sample_indices)
        return Group(prompt, leaf, slots, self._blocks.add(slots), pending)

    def _prefill(self) -> None:
        """One pass over at most a chunk of the prompts' tokens that are not computed yet."""
        waiting = [group for group in self._groups if group.logits is None]
        room = self._chunk
        parts: list[_Part] = []
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
            parts.append(_Part(group, start, stop, stored))
            _mark_computed(group.leaf, stop)
            room -= stop - start
        if parts:
            self._prefill_pass(parts)

    def _prefill_pass(self, parts: list[_Part]) -> None:
        paths: list[RowsOfPath] = []
        last: list[int] = []
        base, block = 0, self._blocks.block
        for part in parts:
            position = part.start
            while position < part.stop:  # rows of one block attend to the same blocks
                end = min((position // block + 1) * block, part.stop)
                offset = base - part.start
                rows = np.arange(position + offset, end + offset, dtype=np.int64)
                paths.append(RowsOfPath(rows, part.group.blocks[: position // block + 1]))
                position = end
            base += part.stop - part.start
            if part.stop == len(part.group.slots):
                last.append(base - 1)
        tokens = np.concatenate([p.group.prompt.tokens[p.start : p.stop] for p in parts])
        positions = np.concatenate([np.arange(p.start, p.stop, dtype=np.int64) for p in parts])
        slots = np.concatenate([p.slots for p in parts])
        read = len(np.unique(np.concatenate([p.group.slots[: p.stop] for p in parts])))
        logits = self._timer.measure(
            "prefill",
            len(tokens),
            read,
            lambda: self._runner.prefill(tokens, positions, slots, paths, np.array(last, np.int64)),
        )
        ending = [part.group for part in parts if part.stop == len(part.group.slots)]
        for group, row in zip(ending, logits, strict=True):
            group.logits = row

    # Samples get rows

    def _admit(self) -> None:
        """Forks samples off prompts that are computed, a prompt's samples one after another."""
        rows: list[int] = []
        groups: list[Group] = []
        for group in self._groups:
            while group.logits is not None and group.pending and self._free_rows:
                if self._own_pages * (len(rows) + 1) > self._arena.available:
                    if not self._tree.evict():
                        break
                    continue
                row = self._free_rows.pop()
                sample = group.pending.popleft()
                request = group.prompt.request
                words = stream(self._seed, request.problem, sample, request.purpose, request.turn)
                group.active.add(row)
                self._owner[row] = (group, sample, words)
                rows.append(row)
                groups.append(group)
        if rows:
            self._start_rows(np.array(rows, np.int64), groups)

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
            to_device(np.array([g.prompt.stop_state for g in groups], np.int64), self._device),
            to_device(np.array([self._owner[r][2] for r in rows.tolist()], np.int64), self._device),
            to_device(slots, self._device),
        )
        unique = list(dict.fromkeys(groups))
        index = {id(group): i for i, group in enumerate(unique)}
        logits = torch.stack([g.logits for g in unique if g.logits is not None])  # [groups, V]
        which = to_device(np.array([index[id(g)] for g in groups], np.int64), self._device)
        self._after_step(rows, self._runner.first(at, logits[which]), fresh=True)
        self._tiles = None

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
            longest = int(own.max())
            ended = self._timer.measure(
                "decode",
                len(tile.host),
                tile.shared_tokens + int(own.sum()),
                lambda tile=tile, longest=longest: self._runner.decode(tile, longest),
            )
            self._after_step(tile.host, ended, fresh=False)

    def _plan(self) -> None:
        self._tiles = self._runner.tiles(
            [
                RowsOfPath(np.array(sorted(group.active), np.int64), group.blocks)
                for group in self._groups
                if group.active
            ]
        )

    def _after_step(self, rows: Ints, ended: Tensor, *, fresh: bool) -> None:
        self._count[rows] = 1 if fresh else self._count[rows] + 1
        self._flags.append(_Flags(rows, self._generation[rows], self._step, *self._to_host(ended)))
        full = rows[self._count[rows] >= self._max_new]
        if len(full):
            self._finish(full)

    def _look_at_flags(self) -> None:
        """Ends the sequences whose flags are due: a fixed number of steps after they were taken,
        so that what is drawn in vain does not depend on timing."""
        while self._flags and (self._flags[0].step <= self._step - self._lag or not self._owner):
            flags = self._flags.popleft()
            if flags.event is not None:
                flags.event.synchronize()
            same = flags.generations == self._generation[flags.rows]
            ended = flags.rows[same & flags.ended.numpy()]
            if len(ended):
                self._finish(ended)

    def _finish(self, rows: Ints) -> None:
        """Sends finished sequences to the host and gives their rows and pages back."""
        state, at = self._runner.rows, to_device(rows, self._device)
        counts = self._count[rows].copy()
        longest = int(counts.max())
        tensors = [
            state.ended[at],
            *(t[at, :longest] for t in (state.ids, state.raw, state.processed)),
        ]
        hosts = [self._to_host(tensor) for tensor in tensors]
        owners = []
        for row in rows.tolist():
            group, sample, words = self._owner.pop(row)
            owners.append((group.prompt, sample, words))
            self._arena.give_back(self._pages.pop(row))
            self._free_rows.append(row)
            group.active.discard(row)
            if not group.active and not group.pending:
                self._blocks.remove(group.blocks)
                self._tree.release(group.leaf)
                self._groups.remove(group)
        self._generation[rows] += 1
        self._tiles = None
        ended, ids, raw, processed = (host for host, _ in hosts)
        self._leaving.append(_Leaving(owners, counts, ended, ids, raw, processed, hosts[-1][1]))

    def _arrivals(self) -> Iterator[Sequence]:
        while self._leaving:
            leaving = self._leaving[0]
            if leaving.event is not None and not leaving.event.query():
                if self._owner:
                    return
                leaving.event.synchronize()
            self._leaving.popleft()
            ended = leaving.ended.tolist()
            ids, raw, processed = (
                t.tolist() for t in (leaving.ids, leaving.raw, leaving.processed)
            )
            for i, (prompt, sample, words) in enumerate(leaving.owners):
                generated = int(leaving.counts[i])
                kept = ended[i] or generated
                yield Sequence(
                    prompt, sample, words, generated,
                    ids[i][:kept], raw[i][:kept], processed[i][:kept], bool(ended[i]),
                )  # fmt: skip

    def _to_host(self, tensor: Tensor) -> tuple[Tensor, torch.cuda.Event | None]:
        """A copy on the host, and the event after which it may be read."""
        if tensor.device.type != "cuda":
            return tensor, None
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        host.copy_(tensor, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        return host, event


def _mark_computed(leaf: Segment, upto: int) -> None:
    """Notes that the first `upto` tokens of a path will be computed by the pass at hand."""
    start = 0
    for segment in leaf.path():
        segment.computed = max(segment.computed, min(len(segment.tokens), upto - start))
        start += len(segment.tokens)
        if start >= upto:
            break
