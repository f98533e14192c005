"""Work of the shared part with cuts that do not depend on the tree.

A path's keys are cut into chunks by position (`cuts`). A chunk of two paths that lies wholly on
their common part is one chunk and is read once; where the tree forks inside a chunk, each path has
its own, whose keys lie in several segments. So the runs of keys that a row's partials come from
depend on the length of its path alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kernels.prefix_tree_attention.flat_tree import flat_tree
from kernels.prefix_tree_attention.tree import Branch, Ints, Segment
from kernels.prefix_tree_attention.work import WORK_COLUMNS, Int32s, Work

SHORT = 4  # chunks at the start of a path; those that follow are so many times as long
# Part of a chunk in one segment: the segment, the first key's offset in it, keys.
Piece = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Keys that some rows attend to."""

    slots: Ints  # [n] where they lie
    column: int  # which chunk of its rows' paths it is
    position: int  # of the first key
    rows: Ints  # [m]


def cuts(total: int, chunk: int) -> list[tuple[int, int]]:
    """Start and end of each chunk of a path of `total` keys; chunk: keys of the first ones.

    Short ones first, for the sake of steps of few rows over short prompts; long ones then, since
    every chunk leaves a partial for every row.
    """
    found: list[tuple[int, int]] = []
    start = 0
    while start < total:
        size = chunk if len(found) < SHORT else SHORT * chunk
        found.append((start, min(start + size, total)))
        start += size
    return found


def plan_fixed(
    segments: Sequence[Segment], branches: Sequence[Branch], rows: int, kv_heads: int, share: int,
    tile: int, block: int, chunk: int,
) -> Work:  # fmt: skip
    """Items of the chunks of all paths and `tile` (row, head) pairs.

    block: keys a step of the kernel; chunk: see `cuts`, a multiple of it; the others and what is
    raised: see `work.plan_balanced`.
    """
    flat_tree(segments, branches, rows)  # checks them
    bases = np.zeros(rows, np.int32)
    below: dict[tuple[Piece, ...], list[Ints]] = {}
    places: dict[tuple[Piece, ...], tuple[int, int]] = {}  # column, position
    for branch in branches:
        if not len(branch.rows):
            continue
        path = [(i, segments[i]) for i in branch.segments]
        total = sum(segment.length for _, segment in path)
        for column, (start, stop) in enumerate(cuts(total, chunk)):
            pieces = tuple(_pieces(path, start, stop))
            below.setdefault(pieces, []).append(branch.rows)
            places[pieces] = column, start
        bases[branch.rows] = total
    chunks = [
        Chunk(
            np.concatenate([segments[i].start + np.arange(at, at + n) for i, at, n in pieces]),
            *places[pieces],
            np.concatenate(parts),
        )
        for pieces, parts in below.items()
    ]
    return work_of(chunks, bases, kv_heads, share, tile, block)


def work_of(
    chunks: Sequence[Chunk], bases: Int32s, kv_heads: int, share: int, tile: int, block: int
) -> Work:
    """Items of `tile` (row, head) pairs each. bases: [R] see `work.Work`; the others as above."""
    depths = np.zeros(len(bases), np.int32)
    items: list[Int32s] = [np.zeros((0, len(WORK_COLUMNS)), np.int32)]
    rows: list[Ints] = [np.zeros(0, np.int64)]
    slots: list[Ints] = [np.zeros(0, np.int64)]
    entry, place = 0, 0
    for chunk in chunks:
        firsts = np.arange(0, len(chunk.rows) * share, tile)
        made = np.zeros((kv_heads, len(firsts), len(WORK_COLUMNS)), np.int32)
        made[..., 0], made[..., 1] = place, len(chunk.slots)
        made[..., 2], made[..., 3] = entry, len(chunk.rows)
        made[..., 4] = firsts
        made[..., 5], made[..., 6] = chunk.column, chunk.position
        made[..., 7] = np.arange(kv_heads)[:, None]
        items.append(made.reshape(-1, len(WORK_COLUMNS)))
        rows.append(chunk.rows)
        slots.append(np.pad(chunk.slots, (0, -len(chunk.slots) % block)))
        np.maximum.at(depths, chunk.rows, chunk.column + 1)
        entry += len(chunk.rows)
        place += len(slots[-1])
    return Work(
        np.concatenate(items), np.concatenate(rows).astype(np.int32), depths, bases,
        np.concatenate(slots).astype(np.int32),
    )  # fmt: skip


def _pieces(path: Sequence[tuple[int, Segment]], start: int, stop: int) -> Iterator[Piece]:
    """Where the keys of positions start..stop lie on a path."""
    for index, segment in path:
        first = max(start - segment.position, 0)
        end = min(stop - segment.position, segment.length)
        if first < end:
            yield index, first, end - first
