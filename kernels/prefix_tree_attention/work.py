"""The shared part's work list: segments cut into items of equal cost.

An item is a run of a segment's keys of one KV head and a tile of the rows below it. Its columns,
int32, are those of `WORK_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.prefix_tree_attention.flat_tree import FlatTree, flat_tree, ranges
from kernels.prefix_tree_attention.tree import Branch, Ints, Segment

WORK_COLUMNS = (
    "slot",  # of the run's first key
    "length",  # keys
    "entry",  # of the row list: first row below the segment
    "rows",  # rows below the segment
    "tile",  # first (row, head) pair of the tile, counted from `entry` in pairs of one KV head
    "column",  # of a row's partials that the item writes
    "position",  # of the run's first key in the sequence
    "group",  # KV head
)
ROUNDS = (0.5, 1, 1.5, 2, 3, 4, 6, 8)  # items a program has, about, in the plans that are tried
ITEM_COST = 160  # keys in whose time an item starts and ends
Int32s = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Work:
    """One plan on the host. Arrays int32."""

    items: Int32s  # [I, 8]
    row_list: Int32s  # [E] rows below the segments, one segment after another
    depths: Int32s  # [R] partials of each row
    bases: Int32s  # [R] shared tokens of each row
    # [L] slots of keys: an item's SLOT is its first key's place in this list. Empty where an item's
    # keys are adjacent slots from SLOT on.
    listed: Int32s = field(default_factory=lambda: np.zeros(0, np.int32))

    @property
    def columns(self) -> int:
        """Most partials of a row."""
        return int(self.depths.max(initial=0))


def plan_balanced(
    segments: Sequence[Segment], branches: Sequence[Branch], rows: int, kv_heads: int, share: int,
    tile: int, block: int, programs: int, least: int,
) -> Work:  # fmt: skip
    """The plan of those tried whose slowest program has least to do.

    programs: that share out the items; least: keys below which no item is cut; the others as in
    `plan_work`.
    """
    tree = flat_tree(segments, branches, rows)
    used = tree.parent != -2
    lengths, tiles = tree.length[used], -(-tree.below[used] * share // tile)
    total = int((tiles * lengths).sum()) * kv_heads
    tried = {-(-max(int(total / (programs * rounds)), least) // block) * block for rounds in ROUNDS}
    most = min(
        sorted(tried, reverse=True),
        key=lambda keys: _slowest(lengths, tiles * kv_heads, keys, programs),
    )
    return plan_work(tree, rows, kv_heads, share, tile, block, most)


def _slowest(lengths: Ints, tiles: Ints, most: int, programs: int) -> float:
    """Keys of the program that has most, an item's start and end counted as keys.

    lengths, tiles: of each segment, tiles of all KV heads; most: keys of an item.
    """
    cuts = -(-lengths // most)
    costs = np.repeat(lengths / np.maximum(cuts, 1) + ITEM_COST, cuts * tiles)
    costs = np.pad(costs, (0, -len(costs) % programs))
    return float(costs.reshape(-1, programs).sum(0).max(initial=0))


def plan_work(
    tree: FlatTree, rows: int, kv_heads: int, share: int, tile: int, block: int, most_keys: int
) -> Work:
    """Items of at most `most_keys` keys and `tile` (row, head) pairs, for a step of `rows` rows.

    kv_heads, share: KV heads, and query heads of each; block: runs are cut at multiples of it.
    """
    even = -(-tree.length // np.maximum(-(-tree.length // most_keys), 1))
    run = -(-even // block) * block  # [S] keys of an item
    cuts = -(-tree.length // np.maximum(run, 1))  # [S]
    before = _partials_before(tree, cuts)  # [S]
    # Parents first: a segment begins after its parent.
    order = np.flatnonzero(tree.parent != -2)
    order = order[np.argsort(tree.position[order], kind="stable")]
    below = tree.below
    entry = np.zeros_like(below)  # [S]
    entry[order] = np.cumsum(below[order]) - below[order]
    rank = np.zeros_like(below)
    rank[order] = np.arange(len(order))
    row_list = tree.rows_of(np.argsort(rank[tree.segment], kind="stable"))
    # Items of a segment: by run, then KV head, then tile of rows, so that those that read the same
    # keys lie next to each other.
    tiles = -(-below * share // tile)  # [S]
    count = (cuts * tiles * kv_heads)[order]
    segment = np.repeat(order, count)  # [I]
    within = ranges(np.zeros_like(count), count)
    first, group = within % tiles[segment], within // tiles[segment] % kv_heads
    cut = within // (tiles[segment] * kv_heads)
    skipped = cut * run[segment]
    items = np.empty((len(segment), len(WORK_COLUMNS)), np.int32)
    items[:, 0] = tree.start[segment] + skipped
    items[:, 1] = np.minimum(tree.length[segment] - skipped, run[segment])
    items[:, 2], items[:, 3] = entry[segment], below[segment]
    items[:, 4] = first * tile
    items[:, 5] = before[segment] + cut
    items[:, 6] = tree.position[segment] + skipped
    items[:, 7] = group
    depths, bases = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    # A branch without segments has leaf -1, which finds the zero behind the others.
    partials, keys = np.append(before + cuts, 0), np.append(tree.position + tree.length, 0)
    depths[tree.rows] = np.repeat(partials[tree.leaf], tree.count)
    bases[tree.rows] = np.repeat(keys[tree.leaf], tree.count)
    return Work(items, row_list.astype(np.int32), depths, bases)


def _partials_before(tree: FlatTree, cuts: Ints) -> Ints:
    """[S] partials that a row has of the segments above. cuts: [S] partials of each segment."""
    before = np.zeros_like(cuts)
    for level in range(1, int(tree.level.max(initial=0)) + 1):
        segment = tree.segment[tree.level == level]
        above = tree.parent[segment]
        before[segment] = before[above] + cuts[above]
    return before
