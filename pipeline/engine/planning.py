"""Plans on the host: which rows read which block of which shared segment.

A prompt's keys are cut into blocks of B by position, so that a row's blocks, and thus the rounding
of its attention, do not depend on where the tree happens to fork. A block of two prompts that lies
wholly on their common path is one block and is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kernels.prefix_tree_attention import PAD_POSITION, SharedItems
from pipeline.engine.arena import NOTHING, Slots

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rounding:
    """What fixes the shapes of a step, and with them its rounding.

    A matrix product rounds a row differently in products of few and of many rows. With `tile`,
    the model always sees exactly that many rows, padded; without, as many as there are.
    """

    tile: int | None
    block: int = 64  # keys a block of a shared segment
    own_block: int = 32  # keys a block of own keys
    decode_rows: int = 16  # rows an item while decoding
    prefill_rows: int = 64  # rows an item while prefilling
    # Kernels in which a row's rounding depends on that row alone (`fixed_kernels`) in place of
    # those that are fastest for a step.
    fixed: bool = False


class BlockTable:
    """Blocks of the prompts in flight. A block is known by its slots and counted by its users."""

    def __init__(self, block: int) -> None:
        self.block = block
        self.clear()

    def clear(self) -> None:
        """Forgets all blocks."""
        self._ids: dict[tuple[int, int, int], int] = {}
        self._names: dict[int, tuple[int, int, int]] = {}
        self._users: dict[int, int] = {}
        self._free: list[int] = []
        self._keys: Ints = np.zeros((0, self.block), np.int64)  # [blocks, B] slots
        self._positions: Ints = np.zeros((0, self.block), np.int64)  # [blocks, B]

    def add(self, slots: Slots) -> Ints:
        """Blocks of a prompt whose tokens lie at slots [prompt]: their ids, root first."""
        ids = []
        for start in range(0, len(slots), self.block):
            part = slots[start : start + self.block]
            # In a tree the last slot's path is the only one, so both ends and length suffice.
            name = (int(part[0]), int(part[-1]), len(part))
            known = self._ids.get(name)
            if known is None:
                known = self._new(name, part, start)
            self._users[known] += 1
            ids.append(known)
        return np.array(ids, dtype=np.int64)

    def remove(self, ids: Ints) -> None:
        for block in ids.tolist():
            self._users[block] -= 1
            if not self._users[block]:
                del self._ids[self._names.pop(block)], self._users[block]
                self._free.append(block)

    def rows(self, ids: Ints) -> tuple[Ints, Ints]:
        """Slots and positions of blocks: [n, B] each."""
        return self._keys[ids], self._positions[ids]

    def tokens(self, ids: Ints) -> int:
        """Keys in these blocks together, each block counted once."""
        return int((self._positions[np.unique(ids)] < PAD_POSITION).sum())

    def _new(self, name: tuple[int, int, int], part: Slots, start: int) -> int:
        if not self._free:
            more = max(len(self._keys), 16)
            self._free.extend(range(len(self._keys) + more - 1, len(self._keys) - 1, -1))
            self._keys = np.vstack([self._keys, np.zeros((more, self.block), np.int64)])
            self._positions = np.vstack([self._positions, np.zeros((more, self.block), np.int64)])
        block = self._free.pop()
        self._keys[block] = NOTHING
        self._keys[block, : len(part)] = part
        self._positions[block] = PAD_POSITION
        self._positions[block, : len(part)] = np.arange(start, start + len(part))
        self._ids[name], self._names[block], self._users[block] = block, name, 0
        return block


@dataclass(frozen=True, slots=True)
class RowsOfPath:
    """Rows of a step that attend to the same blocks."""

    rows: Ints  # [n]
    blocks: Ints  # [b] ids, root first
    runs: tuple[tuple[int, int], ...] = ()  # the same path as (first slot, tokens), root first


def shared_items(
    paths: Sequence[RowsOfPath], rows: int, width: int, table: BlockTable, device: torch.device
) -> SharedItems | None:
    """Items of at most `width` rows each, for a step of `rows` rows (C = width, B of the table)."""
    paths = [path for path in paths if len(path.rows) and len(path.blocks)]
    if not paths:
        return None
    # One entry for each (row, block it attends to), sorted by block.
    row = np.concatenate([np.repeat(p.rows, len(p.blocks)) for p in paths])
    block = np.concatenate([np.tile(p.blocks, len(p.rows)) for p in paths])
    place = np.concatenate([np.tile(np.arange(len(p.blocks)), len(p.rows)) for p in paths])
    order = np.argsort(block, kind="stable")
    row, block, place = row[order], block[order], place[order]
    ids, first, count = np.unique(block, return_index=True, return_counts=True)
    chunks = -(-count // width)  # items of each block
    base = np.concatenate([[0], np.cumsum(chunks)])  # first item of each block
    within = np.arange(len(row)) - np.repeat(first, count)  # which row of its block
    item = np.repeat(base[:-1], count) + within // width
    column = within % width
    items = int(base[-1])
    item_rows = np.full((items, width), rows, np.int64)
    item_rows[item, column] = row
    depth = max(len(path.blocks) for path in paths)
    partials = np.full((rows, depth), items * width, np.int64)
    partials[row, place] = item * width + column
    keys, positions = table.rows(np.repeat(ids, chunks))
    return SharedItems(
        rows=to_device(item_rows, device),
        keys=to_device(keys, device),
        key_positions=to_device(positions, device),
        partials=to_device(partials, device),
    )


def to_device(array: NDArray[np.generic], device: torch.device) -> torch.Tensor:
    """A copy on the device that does not wait for the device's queue."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor
