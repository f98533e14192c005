"""Prompts in flight: placed in the prefix tree, prefilled, closed when memory is short."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from pipeline.engine.arena import TRASH
from pipeline.engine.decoding import Runner
from pipeline.engine.ledger import Timer
from pipeline.engine.planning import Ints
from pipeline.engine.prefill import Chunk
from pipeline.engine.prefix_tree import PrefixTree, Segment
from pipeline.engine.sequences import Failure, Group, Part, Prompt


class OpenPrompts:
    """Prompts in the order in which they came."""

    def __init__(
        self, prompts: Iterable[Prompt], runner: Runner, timer: Timer, *, prefill_chunk: int,
        own_pages: int, fail: Callable[[Failure], None],
    ) -> None:  # fmt: skip
        """own_pages: of a sample, at most; fail: told of prompts that can never fit."""
        self._prompts = iter(prompts)
        self._runner, self._timer, self._chunk = runner, timer, prefill_chunk
        self._arena, self._blocks = runner.arena, runner.blocks
        self._own_pages, self._fail = own_pages, fail
        self._tree = PrefixTree(runner.arena)
        self._next: Prompt | None = None
        self._exhausted = False
        self._arrived = 0
        self.open: list[Group] = []
        self.closed: deque[Group] = deque()  # older than those to come, newer than the open ones

    def __bool__(self) -> bool:
        """Whether samples are still to be drawn, as far as is known."""
        return bool(self.open or self.closed or not self._exhausted)

    @property
    def exhausted(self) -> bool:
        """Whether all prompts have come."""
        return self._exhausted

    @property
    def ready(self) -> list[Group]:
        """Open prompts whose samples may be decoded."""
        return [group for group in self.open if group.logits is not None]

    def fill(self, samples: int, reserved: int, plenty: int) -> None:
        """Opens prompts until `samples` are waiting or memory does not last; once a pass is needed,
        as many more as it has room for, since its time is mostly that of reading the weights.

        reserved: pages that must stay available, plenty: and while more than needed is opened.
        """
        waiting = sum(group.waiting for group in self.open)
        if waiting >= samples:
            return
        while waiting < samples and (group := self._opened(reserved)):
            waiting += group.waiting
        room = self._chunk - sum(len(g.prompt.tokens) for g in self.open if g.logits is None)
        while room > 0 and (group := self._opened(plenty)):
            room -= len(group.prompt.tokens)

    def _opened(self, reserved: int) -> Group | None:
        """The oldest prompt that is not open, opened; None where there is none, or no memory."""
        if self.closed:
            group = self.closed[0]
            if not self._place(group, reserved):
                return None
            self.closed.popleft()
        else:
            prompt = self._peek()
            if prompt is None:
                return None
            nothing = np.zeros(0, np.int64)
            leaf = Segment(nothing, nothing, nothing, None)
            pending = deque(prompt.sample_indices)
            group = Group(self._arrived, prompt, leaf, nothing, nothing, pending)
            if not self._place(group, reserved):
                return None
            self._next = None
            self._arrived += 1
        self.open.append(group)
        return group

    def _peek(self) -> Prompt | None:
        """The next prompt that an empty arena has room for, with one sample."""
        while self._next is None and not self._exhausted:
            prompt = self._next = next(self._prompts, None)
            self._exhausted = prompt is None
            if prompt is None or self._ever_fits(prompt):
                break
            self._next = None
            self._fail(
                Failure(
                    prompt,
                    prompt.sample_indices,
                    f"its prompt of {len(prompt.tokens)} tokens and one sample need more than the "
                    "KV cache holds; raise engine.kv_memory_gib or lower sampling.max_new_tokens",
                )
            )
        return self._next

    def _ever_fits(self, prompt: Prompt) -> bool:
        needed = self._arena.pages_for(len(prompt.tokens)) + self._own_pages
        return needed <= self._arena.capacity

    def _place(self, group: Group, reserved: int) -> bool:
        """Finds room for a prompt's keys; False until others finish."""
        tokens = group.prompt.tokens

        def inserted() -> Segment | None:
            if self._tree.missing_pages(tokens) + reserved > self._arena.available:
                return None
            return self._tree.insert(tokens)

        leaf = inserted()
        if leaf is None and self._tree.evict():
            leaf = inserted()
        if leaf is None:
            return False
        group.leaf, group.slots = leaf, leaf.path_slots()
        group.blocks = self._blocks.add(group.slots)
        return True

    def forget(self, group: Group) -> None:
        """A prompt whose samples are all drawn: its keys go as soon as nobody else needs them."""
        if group in self.closed:
            self.closed.remove(group)
            return
        self.open.remove(group)
        self._leave(group)

    def close(self, group: Group) -> None:
        """Gives up the keys of a prompt that no row reads; it is opened again before newer ones."""
        self.open.remove(group)
        self._leave(group)
        group.logits = None
        self.closed.append(group)
        self.closed = deque(sorted(self.closed, key=lambda other: other.number))

    def _leave(self, group: Group) -> None:
        self._blocks.remove(group.blocks)
        self._tree.release(group.leaf)

    def evict(self) -> bool:
        """Frees kept prefixes that no open prompt uses; False where there were none."""
        return self._tree.evict()

    def prefill(self) -> None:
        """One pass over at most a chunk of the prompts' tokens that are not computed yet."""
        room = self._chunk
        parts: list[Part] = []
        for group in self.open:
            if group.logits is not None:
                continue
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
            self._pass(parts)

    def _pass(self, parts: list[Part]) -> None:
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
        work = partial(self._runner.prefill, chunks)
        logits, _ = self._timer.measure("prefill", rows, _keys_read(parts), work)
        ending = [part.group for part in parts if part.stop == len(part.group.slots)]
        for group, row in zip(ending, logits, strict=True):
            group.logits = row


def _mark_computed(leaf: Segment, upto: int) -> None:
    """Notes that the first `upto` tokens of a path will be computed by the pass at hand."""
    start = 0
    for segment in leaf.path():
        segment.computed = max(segment.computed, min(len(segment.tokens), upto - start))
        start += len(segment.tokens)
        if start >= upto:
            break


def _keys_read(parts: list[Part]) -> int:
    """Keys that a pass attends to, each counted once."""
    reached: dict[Segment, int] = {}
    for part in parts:
        start = 0
        for segment in part.group.leaf.path():
            inside = min(len(segment.tokens), part.stop - start)
            if inside <= 0:
                break
            reached[segment] = max(reached.get(segment, 0), inside)
            start += len(segment.tokens)
    return sum(reached.values())


def _last(part: Part) -> Ints:
    """The token of a part that ends its prompt, if there is one."""
    if part.stop < len(part.group.slots):
        return np.zeros(0, np.int64)
    return np.array([part.stop - part.start - 1], np.int64)
