"""What the tokens of a pass attend to, as tables for the kernel.

A path's keys are cut into blocks by position. A block whose keys lie in adjacent slots belongs to a
run and is read as it lies; the keys of others (where paths fork, and the last ones) are looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]

ITEM_COLUMNS = (
    "row",  # of the pass: the prompt's first token in it
    "tokens",  # of the prompt in the pass
    "tile",  # first (token, head) pair of the tile, counted from `row` in pairs of one KV head
    "position",  # of the prompt's first token in the pass
    "listed",  # where the path begins in the list of slots
    "run",  # first run of the path
    "runs",
    "",
)
RUN_COLUMNS = (
    "begin",  # position of the first block that lies as one piece
    "end",  # where such blocks end
    "until",  # position up to which keys are looked up then
    "base",  # slot of a key in a block that lies as one piece, less its position
)


@dataclass(frozen=True, slots=True)
class Path:
    """Keys that the last tokens of a prompt attend to."""

    slots: Ints  # [n] from the root to the last token
    tokens: int  # the last ones, which are in the pass


@dataclass(frozen=True, slots=True)
class Work:
    """Tables on the host, int32."""

    items: Int32s  # [I, 8] those of most keys first
    runs: Int32s  # [U, 4] path by path, in order
    listed: Int32s  # [L] slots of all paths, one after another


def work_of(paths: Sequence[Path], share: int, tile: int, block: int, aligned: bool = True) -> Work:
    """Items of `tile` (token, head) pairs each, cut at positions that are multiples of a tile's
    tokens, so that a token's place in its tile does not depend on the pass.

    paths: in the order of the pass's rows, none empty; share: query heads a KV head; block: keys a
    step of the kernel.
    """
    keys = np.array([len(path.slots) for path in paths], np.int64)  # [P]
    tokens = np.array([path.tokens for path in paths], np.int64)  # [P]
    listed = np.concatenate([path.slots for path in paths]).astype(np.int32)
    first = np.cumsum(keys) - keys  # [P] where each path begins in the list
    runs, counts = _runs(listed, first, keys, block)
    height = tile // share  # tokens a tile
    lead = (keys - tokens) % height  # [P] tokens before the first that would be in its tile
    tiles = -(-(lead + tokens) // height)  # [P]
    path = np.repeat(np.arange(len(paths)), tiles)  # [I]
    within = np.arange(len(path)) - np.repeat(np.cumsum(tiles) - tiles, tiles)
    start = (within * height - lead[path]) * share
    items = np.zeros((len(path), len(ITEM_COLUMNS)), np.int32)
    items[:, 0] = (np.cumsum(tokens) - tokens)[path]
    items[:, 1] = tokens[path]
    items[:, 2] = start
    items[:, 3] = (keys - tokens)[path]
    items[:, 4] = first[path]
    items[:, 5] = (np.cumsum(counts) - counts)[path]
    items[:, 6] = counts[path]
    seen = items[:, 3] + np.minimum(start // share + height, tokens[path])
    return Work(items[np.argsort(-seen, kind="stable")], runs, listed)


def _runs(listed: Int32s, first: Ints, keys: Ints, block: int) -> tuple[Int32s, Ints]:
    """Runs [U, 4] of all paths and how many each path has [P]; first, keys: [P]."""
    breaks = np.flatnonzero(np.diff(listed) != 1) + 1
    at = np.union1d(breaks, first)  # where pieces of adjacent slots begin, paths' beginnings too
    path = np.searchsorted(first, at, side="right") - 1
    begin = at - first[path]
    end = np.append(at[1:], len(listed)) - first[path]
    base = listed[at] - begin
    begin, end = -(-begin // block) * block, end // block * block
    # A path begins with a run, if with an empty one, since keys are looked up behind runs only.
    opens = at == first[path]
    kept = (begin < end) | opens
    begin, end, base, path = begin[kept], end[kept], base[kept], path[kept]
    empty = begin >= end
    begin[empty], end[empty] = 0, 0
    counts = np.bincount(path, minlength=len(first))
    until = np.append(begin[1:], 0)
    last = np.append(path[1:] != path[:-1], True)
    until[last] = keys[path[last]]
    return np.stack([begin, end, until, base], 1).astype(np.int32), counts
