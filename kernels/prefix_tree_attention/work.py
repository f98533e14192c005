"""The shared part's work list: segments cut into items of equal cost.

An item is a run of a segment's keys and a tile of the rows below it; the kernel works on items x KV
heads. Its columns, int32, are those of `WORK_COLUMNS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.prefix_tree_attention.tree import Below, Branch, Segment, rows_below

WORK_COLUMNS = (
    "slot",  # of the run's first key
    "length",  # keys
    "entry",  # of the row list: first row below the segment
    "rows",  # rows below the segment
    "tile",  # first (row, head) pair of the tile, counted from `entry` in pairs of one KV head
    "column",  # of a row's partials that the item writes
    "position",  # of the run's first key in the sequence
    "",  # items are 32 bytes long
)
Int32s = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Work:
    """One plan on the host. Arrays int32."""

    items: Int32s  # [I, 8]
    row_list: Int32s  # [E] rows below the segments, one segment after another
    depths: Int32s  # [R] partials of each row
    bases: Int32s  # [R] shared tokens of each row

    @property
    def columns(self) -> int:
        """Most partials of a row."""
        return int(self.depths.max(initial=0))


def split_keys(
    segments: Sequence[Segment], below: Sequence[Below | None], kv_heads: int, share: int,
    tile: int, block: int, programs: int, least: int,
) -> int:  # fmt: skip
    """Keys an item has at most, so that about `programs` items of equal cost come out.

    share: query heads a KV head; tile: (row, head) pairs an item; block: keys a step of the kernel;
    least: keys below which an item is not cut.
    """
    total = sum(
        -(-len(b.rows) * share // tile) * s.length
        for s, b in zip(segments, below, strict=True)
        if b is not None
    )
    wanted = max(-(-total * kv_heads // programs), least)
    return -(-wanted // block) * block


def plan_work(
    segments: Sequence[Segment], branches: Sequence[Branch], rows: int, share: int,
    tile: int, block: int, most_keys: int,
) -> Work:  # fmt: skip
    """Items of at most `most_keys` keys and `tile` (row, head) pairs, for a step of `rows` rows.

    share: query heads a KV head; block: runs are cut at multiples of it.
    Raises ValueError where the branches are not a tree's or name a row that does not exist.
    """
    below = rows_below(segments, branches)
    for branch in branches:
        if len(branch.rows) and not 0 <= branch.rows.min() <= branch.rows.max() < rows:
            raise ValueError(f"rows of a branch are outside 0..{rows - 1}")
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
        items.append(_items_of(segment, len(under.rows) * share, tile, run, cuts, first, entry))
        items[-1][:, 3] = len(under.rows)
        lists.append(under.rows.astype(np.int32))
        depths[under.rows] = first + cuts
        bases[under.rows] = segment.position + segment.length
        entry += len(under.rows)
    table = np.concatenate([*items, np.zeros((0, len(WORK_COLUMNS)), np.int32)])
    # Long items first, so that no program is left with one at the end; stable, so that tiles of the
    # same keys stay together.
    table = table[np.argsort(-table[:, 1], kind="stable")]
    return Work(table, np.concatenate([*lists, np.zeros(0, np.int32)]), depths, bases)


def _items_of(
    segment: Segment, pairs: int, tile: int, run: int, cuts: int, first: int, entry: int
) -> Int32s:
    """[cuts * tiles, 8], the tiles of one run next to each other."""
    tiles = np.arange(0, pairs, tile)
    cut, at = (x.reshape(-1) for x in np.meshgrid(np.arange(cuts), tiles, indexing="ij"))
    items = np.zeros((len(cut), len(WORK_COLUMNS)), np.int32)
    items[:, 0] = segment.start + cut * run
    items[:, 1] = np.minimum(segment.length - cut * run, run)
    items[:, 2] = entry
    items[:, 4] = at
    items[:, 5] = first + cut
    items[:, 6] = segment.position + cut * run
    return items
