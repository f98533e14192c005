"""The shared part's work list: segments cut into items of equal cost.

An item is a run of a segment's keys of one KV head and a tile of the rows below it. Its columns,
int32, are those of `WORK_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.prefix_tree_attention.tree import Branch, Ints, Segment, rows_below

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
    below = rows_below(segments, branches)
    used = [i for i, under in enumerate(below) if under is not None]
    lengths = np.array([segments[i].length for i in used], np.int64)
    tiles = np.array([-(-len(u.rows) * share // tile) for u in below if u is not None], np.int64)
    total = int((tiles * lengths).sum()) * kv_heads
    tried = {-(-max(int(total / (programs * rounds)), least) // block) * block for rounds in ROUNDS}
    most = min(
        sorted(tried, reverse=True),
        key=lambda keys: _slowest(lengths, tiles * kv_heads, keys, programs),
    )
    return plan_work(segments, branches, rows, kv_heads, share, tile, block, most)


def _slowest(lengths: Ints, tiles: Ints, most: int, programs: int) -> float:
    """Keys of the program that has most, an item's start and end counted as keys.

    lengths, tiles: of each segment, tiles of all KV heads; most: keys of an item.
    """
    cuts = -(-lengths // most)
    costs = np.repeat(lengths / np.maximum(cuts, 1) + ITEM_COST, cuts * tiles)
    costs = np.pad(costs, (0, -len(costs) % programs))
    return float(costs.reshape(-1, programs).sum(0).max(initial=0))


def plan_work(
    segments: Sequence[Segment], branches: Sequence[Branch], rows: int, kv_heads: int, share: int,
    tile: int, block: int, most_keys: int,
) -> Work:  # fmt: skip
    """Items of at most `most_keys` keys and `tile` (row, head) pairs, for a step of `rows` rows.

    kv_heads, share: KV heads, and query heads of each; block: runs are cut at multiples of it.
    Raises ValueError where the branches are not a tree's or name a row that does not exist.
    """
    below = rows_below(segments, branches)
    check_rows(branches, rows)
    depths, bases = np.zeros(rows, np.int32), np.zeros(rows, np.int32)
    columns: dict[int | None, int] = {None: 0}  # partials of a row up to the end of a segment
    items: list[Int32s] = []
    lists: list[Int32s] = []
    entry = 0
    # Parents first: a segment begins after its parent.
    for index in sorted(range(len(segments)), key=lambda i: segments[i].position):
        segment, under = segments[index], below[index]
        if under is None:
            continue
        cuts = -(-segment.length // most_keys)
        run = -(-segment.length // max(cuts, 1) // block) * block
        cuts = -(-segment.length // run) if run else 0
        first = columns[under.parent]
        columns[index] = first + cuts
        at = _items_of(segment, kv_heads, len(under.rows) * share, tile, run, cuts)
        at[:, 2], at[:, 3] = entry, len(under.rows)
        at[:, 5] += first
        items.append(at)
        lists.append(under.rows.astype(np.int32))
        depths[under.rows] = first + cuts
        bases[under.rows] = segment.position + segment.length
        entry += len(under.rows)
    # In the order of the rows, in which the own part looks for the partials.
    table = np.concatenate([*items, np.zeros((0, len(WORK_COLUMNS)), np.int32)])
    return Work(table, np.concatenate([*lists, np.zeros(0, np.int32)]), depths, bases)


def check_rows(branches: Sequence[Branch], rows: int) -> None:
    """Raises ValueError where a branch names a row that does not exist."""
    for branch in branches:
        if len(branch.rows) and not 0 <= branch.rows.min() <= branch.rows.max() < rows:
            raise ValueError(f"rows of a branch are outside 0..{rows - 1}")


def _items_of(
    segment: Segment, kv_heads: int, pairs: int, tile: int, run: int, cuts: int
) -> Int32s:
    """[I, 8], those that read the same keys next to each other."""
    cut, group, first = (
        x.reshape(-1)
        for x in np.meshgrid(
            np.arange(cuts), np.arange(kv_heads), np.arange(0, pairs, tile), indexing="ij"
        )
    )
    items = np.zeros((len(cut), len(WORK_COLUMNS)), np.int32)
    items[:, 0] = segment.start + cut * run
    items[:, 1] = np.minimum(segment.length - cut * run, run)
    items[:, 4] = first
    items[:, 5] = cut
    items[:, 6] = segment.position + cut * run
    items[:, 7] = group
    return items
