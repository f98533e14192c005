"""The prefix tree: prompts in flight, each shared run of tokens stored once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.arena import Arena, Pages, Slots


@dataclass(slots=True, eq=False)
class Segment:
    """A run of tokens between two forks, in one contiguous extent."""

    tokens: NDArray[np.int64]  # [n]
    slots: Slots  # [n]
    pages: Pages  # that this segment gives back; the page a fork cuts stays with the upper part
    parent: Segment | None
    children: dict[int, Segment] = field(default_factory=dict)  # by first token
    sequences: int = 0  # prompts in flight whose path runs through it
    computed: int = 0  # leading tokens whose keys and values are in the arena
    shared: bool = False  # two prompts have met here: worth keeping while memory lasts

    def path(self) -> list[Segment]:
        """From the root's child down to this segment."""
        segments: list[Segment] = []
        here: Segment | None = self
        while here is not None and here.parent is not None:
            segments.append(here)
            here = here.parent
        return segments[::-1]

    def path_slots(self) -> Slots:
        """Slot of each token from the root to the end of this segment."""
        return np.concatenate([segment.slots for segment in self.path()])


class PrefixTree:
    """Segments of the prompts in flight, by longest common prefix of whole tokenised prompts."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._root = Segment(
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), None
        )

    def missing_pages(self, tokens: NDArray[np.int64]) -> int:
        """Pages that `insert` would take for a prompt of these tokens."""
        segments, rest = self._match(tokens)
        matched = sum(len(segment.tokens) for segment in segments) + rest
        return self._arena.pages_for(len(tokens) - matched)

    def insert(self, tokens: NDArray[np.int64]) -> Segment | None:
        """The segment that ends a prompt of at least one token, its path counted in.

        None where no extent is left for what is not in the tree yet.
        """
        segments, rest = self._match(tokens)
        matched = sum(len(segment.tokens) for segment in segments) + rest
        pages = self._arena.take_extent(self._arena.pages_for(len(tokens) - matched))
        if pages is None:
            return None
        here = segments[-1] if segments else self._root
        if rest:
            here = self._split(here.children[int(tokens[matched - rest])], rest)
        if matched < len(tokens):
            for segment in here.path():
                segment.shared = True
            slots = self._arena.slots(pages)[: len(tokens) - matched]
            leaf = Segment(tokens[matched:], slots, pages, here)
            here.children[int(tokens[matched])] = leaf
            here = leaf
        for segment in here.path():
            segment.sequences += 1
        return here

    def release(self, leaf: Segment) -> None:
        """Counts a prompt out; what nobody else has met is freed, the rest kept for newcomers."""
        for segment in reversed(leaf.path()):
            segment.sequences -= 1
            if not segment.sequences and not segment.children and not segment.shared:
                self._free(segment)

    def evict(self) -> bool:
        """Frees everything kept that no prompt in flight uses; False where nothing was."""
        freed = False
        stack = list(self._root.children.values())
        order = []
        while stack:
            segment = stack.pop()
            order.append(segment)
            stack.extend(segment.children.values())
        for segment in reversed(order):  # children before parents
            if not segment.sequences and not segment.children:
                self._free(segment)
                freed = True
        return freed

    def _free(self, segment: Segment) -> None:
        if self._arena.tainted:
            self._arena.cleanse(segment.slots)
        self._arena.give_back(segment.pages)
        assert segment.parent is not None
        del segment.parent.children[int(segment.tokens[0])]

    def _match(self, tokens: NDArray[np.int64]) -> tuple[list[Segment], int]:
        """Segments that lie wholly on the prompt's path, and how far it runs into the next."""
        segments: list[Segment] = []
        at, here = 0, self._root
        while at < len(tokens):
            child = here.children.get(int(tokens[at]))
            if child is None:
                break
            length = min(len(child.tokens), len(tokens) - at)
            differ = np.flatnonzero(child.tokens[:length] != tokens[at : at + length])
            common = int(differ[0]) if len(differ) else length
            if common < len(child.tokens):
                return segments, common
            segments.append(child)
            at, here = at + common, child
        return segments, 0

    def _split(self, segment: Segment, at: int) -> Segment:
        """Cuts a segment in two; returns the upper part."""
        pages = self._arena.pages_for(at)
        assert segment.parent is not None
        upper = Segment(
            segment.tokens[:at],
            segment.slots[:at],
            segment.pages[:pages],
            segment.parent,
            sequences=segment.sequences,
            computed=min(segment.computed, at),
            shared=True,
        )
        segment.parent.children[int(upper.tokens[0])] = upper
        # The lower part keeps its identity: prompts in flight hold the segment that ends them.
        segment.tokens, segment.slots = segment.tokens[at:], segment.slots[at:]
        segment.pages = segment.pages[pages:]
        segment.computed = max(segment.computed - at, 0)
        segment.parent = upper
        upper.children[int(segment.tokens[0])] = segment
        return upper
