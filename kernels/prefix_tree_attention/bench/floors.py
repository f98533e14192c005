"""What the chip gives: cold reads by number of bytes, and the matrix rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from kernels.prefix_tree_attention.bench.cases import COLD_BYTES, Case
from kernels.prefix_tree_attention.bench.timing import Replay
from kernels.prefix_tree_attention.triton_kernels.read import read

MIB = 1 << 20
SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096)  # MiB
BLOCKS = ((1024, 4, 4), (2048, 4, 4), (4096, 2, 8), (2048, 8, 8))  # int32 a block, blocks, warps


class Floors:
    """Ceilings measured on one device."""

    def __init__(self, device: torch.device) -> None:
        pool = torch.empty(2 * SIZES[-1] * MIB // 4, dtype=torch.int32, device=device)
        pool.random_()
        self.read_us = {size: _read_us(pool, size * MIB) for size in SIZES}
        self.operations_per_second = matrix_rate(device)

    def memory_us(self, bytes_: int) -> float:
        """Time to read that many cold bytes; between measured sizes on a line."""
        sizes = np.array([0, *SIZES]) * float(MIB)
        times = np.array([self._latency_us(), *self.read_us.values()])
        if bytes_ > sizes[-1]:
            return float(bytes_ * times[-1] / sizes[-1])
        return float(np.interp(bytes_, sizes, times))

    def floor_us(self, case: Case) -> float:
        return max(self.memory_us(case.bytes), case.operations / self.operations_per_second * 1e6)

    def _latency_us(self) -> float:
        """Time of a read of nothing, by the two smallest sizes."""
        first, second = SIZES[:2]
        slope = (self.read_us[second] - self.read_us[first]) / (second - first)
        return max(self.read_us[first] - slope * first, 0.0)


def _read_us(pool: torch.Tensor, size: int) -> float:
    """The best of several block sizes."""
    count = size // 4
    places = max(min(len(pool) // count, -(-COLD_BYTES // size) + 1), 1)

    def call(at: int, block: int, steps: int, warps: int) -> Callable[[], object]:
        part = pool[at * count : (at + 1) * count]
        programs = -(-count // (block * steps))
        sums = torch.empty(programs, dtype=torch.int32, device=pool.device)
        return lambda: read[(programs,)](
            part, sums, count, BLOCK=block, STEPS=steps, num_warps=warps
        )

    return min(Replay([call(at, *blocks) for at in range(places)]).short() for blocks in BLOCKS)


def matrix_rate(device: torch.device) -> float:
    """Operations a second of a large bf16 matrix product on random data."""
    n = 8192
    a, b = (torch.randn((n, n), device=device).bfloat16() for _ in range(2))
    out = torch.empty_like(a)
    return 2 * n**3 / Replay([lambda: torch.mm(a, b, out=out)]).short() * 1e6
