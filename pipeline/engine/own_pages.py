"""Pages of the rows' own keys: taken as rows grow, given back, or moved to the host and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.arena import Arena, Pages
from pipeline.engine.planning import Ints, to_device
from pipeline.engine.rows import Rows


@dataclass(frozen=True, slots=True)
class Offloaded:
    """Own keys and values of one row, on the host: [2L, G, T, D], keys of each layer first."""

    values: Tensor

    @property
    def tokens(self) -> int:
        return self.values.shape[2]


class OwnPages:
    """Which pages each row holds, here and in the table on the device (`Rows.slots`).

    Every change is queued on the device's stream, before the step that needs it and behind those
    that do not: the host waits for nothing.
    """

    def __init__(self, arena: Arena, rows: Rows, most: int) -> None:
        """most: own keys that a row stores at most."""
        self._arena, self._rows, self._most_tokens = arena, rows, most
        self.most = arena.pages_for(most)
        self._pages: Ints = np.zeros((rows.padding, self.most), np.int64)
        self.held: Ints = np.zeros(rows.padding, np.int64)  # pages of each row

    def needed(self, tokens: Ints) -> Ints:
        """Pages of rows that store so many own keys, or as many as a row ever does."""
        return -(-np.minimum(tokens, self._most_tokens) // self._arena.page_size)

    def needed_by(self, tokens: int) -> int:
        """The same of one row."""
        return int(self.needed(np.array([tokens]))[0])

    def grow(self, rows: Ints, pages: Ints) -> None:
        """Rows [n] hold `pages` [n] each, or what they have; the arena has as many available."""
        more = np.maximum(pages - self.held[rows], 0)
        taken = self._arena.take_pages(int(more.sum()))
        if not len(taken):
            return
        owner = np.repeat(rows, more)
        first = np.repeat(np.cumsum(more) - more, more)
        place = np.repeat(self.held[rows], more) + np.arange(len(taken)) - first
        self._pages[owner, place] = taken
        self.held[rows] += more
        size = self._arena.page_size
        table = np.empty((3, len(taken), size), np.int64)  # row, column, slot
        table[0] = owner[:, None]
        table[1] = place[:, None] * size + np.arange(size)
        table[2] = self._arena.slots(taken).reshape(-1, size)
        flat = table.reshape(3, -1)
        at = to_device(flat[:, flat[1] < self._rows.slots.shape[1]], self._rows.slots.device)
        self._rows.slots[at[0], at[1]] = at[2]

    def leave(self, rows: Ints) -> Pages:
        """Rows [n] hold nothing any more. Returns their pages, which are the caller's now."""
        held = self.held[rows]
        self.held[rows] = 0
        return self._pages[rows][np.arange(self.most) < held[:, None]]

    @torch.inference_mode()
    def offload(self, row: int, tokens: int) -> Offloaded:
        """Copies a row's first own keys to the host and gives its pages back."""
        layers = self._arena.layers
        groups, _, dim = layers[0].k.shape
        at = self._slots(row, tokens)
        values = torch.empty(
            (2 * len(layers), groups, tokens, dim), dtype=layers[0].k.dtype, pin_memory=at.is_cuda
        )
        for index, layer in enumerate(layers):  # one after another: no room for all is needed
            values[2 * index].copy_(layer.k.index_select(1, at), non_blocking=True)
            values[2 * index + 1].copy_(layer.v.index_select(1, at), non_blocking=True)
        self._arena.give_back(self.leave(np.array([row])))
        return Offloaded(values)

    @torch.inference_mode()
    def restore(self, row: int, parked: Offloaded) -> None:
        """Copies keys back into pages that the row holds by now."""
        at = self._slots(row, parked.tokens)
        for index, layer in enumerate(self._arena.layers):
            for mine, theirs in ((layer.k, 2 * index), (layer.v, 2 * index + 1)):
                mine.index_copy_(1, at, parked.values[theirs].to(at.device, non_blocking=True))

    def _slots(self, row: int, tokens: int) -> Tensor:
        slots = self._arena.slots(self._pages[row, : self.held[row]])[:tokens]
        return to_device(slots, self._rows.slots.device)
