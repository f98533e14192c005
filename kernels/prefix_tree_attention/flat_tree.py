"""A tree of segments and branches as arrays, checked: what plans are computed from at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernels.prefix_tree_attention.tree import Branch, Ints, Segment


@dataclass(frozen=True, slots=True)
class FlatTree:
    """S segments, B branches, P pairs of a branch and a segment on it, N rows of all branches."""

    start: Ints  # [S]
    length: Ints  # [S]
    position: Ints  # [S]
    parent: Ints  # [S] the segment above, -1: none, -2: no branch names the segment
    branch: Ints  # [P] branches in turn
    segment: Ints  # [P] root first within each branch
    level: Ints  # [P] place on its branch
    leaf: Ints  # [B] last segment of each branch, -1: none
    rows: Ints  # [N] branches in turn
    first: Ints  # [B] where a branch's rows begin
    count: Ints  # [B] rows of each branch

    @property
    def below(self) -> Ints:
        """[S] rows below each segment."""
        found = np.zeros(len(self.start), np.int64)
        np.add.at(found, self.segment, self.count[self.branch])
        return found

    def rows_of(self, pairs: Ints) -> Ints:
        """Rows of the branches of these pairs, one pair after another."""
        branches = self.branch[pairs]
        return self.rows[ranges(self.first[branches], self.count[branches])]


def ranges(first: Ints, count: Ints) -> Ints:
    """first[0], first[0] + 1, ... (count[0] of them), then first[1], ..."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(first - ends + count, count)


def flat_tree(segments: Sequence[Segment], branches: Sequence[Branch], rows: int) -> FlatTree:
    """rows: of the step.

    Raises ValueError where the branches are not those of a tree: a segment with two parents, one
    that does not go on where its parent ends, a row on two branches, or one that does not exist.
    """
    table = np.array([(s.start, s.length, s.position) for s in segments], np.int64).reshape(-1, 3)
    start, length, position = table.T
    depth = np.array([len(b.segments) for b in branches], np.int64)
    named = np.array([i for b in branches for i in b.segments], np.int64)  # [P]
    branch = np.repeat(np.arange(len(branches)), depth)
    level = ranges(np.zeros_like(depth), depth)
    above = np.full(len(named), -1, np.int64)
    above[1:] = named[:-1]
    above[level == 0] = -1
    parent = np.full(len(segments), -2, np.int64)
    parent[named] = above
    _check_parents(named, above, parent, position, position + length)
    count = np.array([len(b.rows) for b in branches], np.int64)
    listed = np.concatenate([np.zeros(0, np.int64), *(b.rows for b in branches)])
    if len(listed):
        if not 0 <= listed.min() <= listed.max() < rows:
            raise ValueError(f"rows of a branch are outside 0..{rows - 1}")
        if np.bincount(listed, minlength=1).max() > 1:
            raise ValueError("a row is on two branches")
    leaf = np.full(len(branches), -1, np.int64)
    leaf[depth > 0] = named[np.cumsum(depth)[depth > 0] - 1]
    return FlatTree(
        start, length, position, parent, branch, named, level, leaf, listed,
        np.cumsum(count) - count, count,
    )  # fmt: skip


def _check_parents(named: Ints, above: Ints, parent: Ints, begin: Ints, end: Ints) -> None:
    """named, above: [P] segments and those above them; begin, end: [S] positions."""
    wrong = np.flatnonzero(parent[named] != above)
    if len(wrong):
        at = wrong[0]
        raise ValueError(
            f"segment {named[at]} has two parents: {parent[named[at]]} and {above[at]}"
        )
    expected = np.where(above < 0, 0, end[above])
    wrong = np.flatnonzero(begin[named] != expected)
    if len(wrong):
        at = wrong[0]
        raise ValueError(
            f"segment {named[at]} begins at position {begin[named[at]]}, its parent ends at "
            f"{expected[at]}"
        )
