"""Where keys and values lie: one arena a layer, handed out in pages and contiguous extents."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.engine.architecture import Architecture

NOTHING = 0  # slot that padding reads: always zero
TRASH = 1  # slot that padding writes
_RESERVED = 2
_GROWTH = 16  # the arena grows by at least 1/16 of itself, so that copying stays amortised

Slots = NDArray[np.int64]
Pages = NDArray[np.int64]


@dataclass(slots=True)
class KVLayer:
    """Keys and values of one layer: [G, N, D] each, N slots."""

    k: Tensor
    v: Tensor

    def append(self, slots: Tensor, k: Tensor, v: Tensor) -> None:
        """slots [R] int64; k, v [R, G, D]."""
        self.k.index_copy_(1, slots, k.transpose(0, 1))
        self.v.index_copy_(1, slots, v.transpose(0, 1))


class Arena:
    """Keys and values of all sequences. Grows when asked for more, up to its budget."""

    def __init__(
        self,
        architecture: Architecture,
        dtype: torch.dtype,
        device: torch.device,
        page_size: int,
        budget_bytes: int,
    ) -> None:
        self.page_size = page_size
        a = architecture
        self.token_bytes = 2 * a.layers * a.kv_heads * a.head_dim * dtype.itemsize
        self.capacity = max(budget_bytes // (self.token_bytes * page_size), 0)  # pages, at most
        shape = (a.kv_heads, _RESERVED, a.head_dim)
        self.layers = [
            KVLayer(
                torch.zeros(shape, dtype=dtype, device=device),
                torch.zeros(shape, dtype=dtype, device=device),
            )
            for _ in range(a.layers)
        ]
        self._free: NDArray[np.bool_] = np.zeros(0, dtype=bool)  # by page
        self.peak_bytes = self.allocated_bytes()  # at most so much was ever held at once
        self._used = self.peak_pages = 0  # pages in use, and the most that ever were
        self.tainted = False  # keys or values that are not finite have been stored

    def allocated_bytes(self) -> int:
        """Bytes of all key and value tensors as they are now."""
        return sum(t.numel() * t.element_size() for x in self.layers for t in (x.k, x.v))

    def pages_for(self, tokens: int) -> int:
        return -(-tokens // self.page_size)

    @property
    def available(self) -> int:
        """Pages that can still be handed out, those of future growth included."""
        return self.capacity - self._used

    def slots(self, pages: Pages) -> Slots:
        """[pages * page_size]: the slots of these pages in order."""
        within = np.arange(self.page_size, dtype=np.int64)
        return (_RESERVED + pages[:, None] * self.page_size + within).reshape(-1)

    def take_pages(self, count: int) -> Pages:
        """Any free pages, the last first: extents are taken from the other end."""
        self.reserve(count)
        pages = np.flatnonzero(self._free)[::-1][:count].astype(np.int64)
        self._take(pages)
        return pages

    def take_extent(self, count: int) -> Pages | None:
        """Adjacent free pages, the first that fit; None where none fit and no growth is left."""
        start = self._run(count)
        if start is None:
            tail = len(self._free) - self._last_used() - 1
            if len(self._free) - tail + count > self.capacity:
                return None
            self._grow(count - tail)
            start = len(self._free) - self._trailing()
        pages = np.arange(start, start + count, dtype=np.int64)
        self._take(pages)
        return pages

    def _take(self, pages: Pages) -> None:
        self._free[pages] = False
        self._used += len(pages)
        self.peak_pages = max(self.peak_pages, self._used)

    def give_back(self, pages: Pages) -> None:
        self._free[pages] = True
        self._used -= len(pages)

    def cleanse(self, slots: Slots) -> None:
        """Zeroes slots: what is not finite would reach rows that mask it, being multiplied by 0."""
        at = torch.from_numpy(slots).to(self.layers[0].k.device)
        for layer in self.layers:
            layer.k.index_fill_(1, at, 0)
            layer.v.index_fill_(1, at, 0)

    def clear(self) -> None:
        """Every page is free again."""
        self._free[:] = True
        self._used = 0

    def reserve(self, count: int) -> None:
        """Grows until `count` pages are free; the caller has asked `available` before."""
        lacking = count - (len(self._free) - self._used)
        if lacking > 0:
            self._grow(lacking)

    def _last_used(self) -> int:
        used = np.flatnonzero(~self._free)
        return int(used[-1]) if len(used) else -1

    def _trailing(self) -> int:
        return len(self._free) - self._last_used() - 1

    def _run(self, count: int) -> int | None:
        """Start of the first run of `count` free pages."""
        if count == 0:
            return 0
        padded = np.concatenate([[False], self._free, [False]]).astype(np.int8)
        edges = np.flatnonzero(np.diff(padded))
        starts, stops = edges[::2], edges[1::2]
        fitting = np.flatnonzero(stops - starts >= count)
        return int(starts[fitting[0]]) if len(fitting) else None

    def _grow(self, lacking: int) -> None:
        old = len(self._free)
        new = min(old + max(lacking, old // _GROWTH), self.capacity)
        if new < old + lacking:
            raise MemoryError("KV arena asked for more than its budget")  # `available` was ignored
        slots = _RESERVED + new * self.page_size
        for layer in self.layers:  # one tensor after another, so that little lies there twice
            layer.k = self._longer(layer.k, slots)
            layer.v = self._longer(layer.v, slots)
        self._free = np.concatenate([self._free, np.ones(new - old, dtype=bool)])

    def _longer(self, tensor: Tensor, slots: int) -> Tensor:
        # Zeroed, because a masked key is multiplied by 0 and what was there before might be NaN.
        longer = tensor.new_zeros((tensor.shape[0], slots, tensor.shape[2]))
        longer[:, : tensor.shape[1]] = tensor
        both = self.allocated_bytes() + longer.numel() * longer.element_size()
        self.peak_bytes = max(self.peak_bytes, both)
        return longer


def default_budget(device: torch.device) -> int:
    """Bytes for keys and values where the configuration names none: half of what is free."""
    if device.type == "cuda":
        # What PyTorch holds and nothing uses is free too.
        held = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int((torch.cuda.mem_get_info(device)[0] + held) // 2)
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
