"""Philox4x32-10, a counter-based random generator, on tensors.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
Integer arithmetic only, so CPU and GPU agree in every bit, and any draw can be made alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.records import ProblemKey, digest

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF


def philox(counter: Tensor, key: Tensor) -> Tensor:
    """counter [..., 4], key [..., 2] int64 holding uint32 values -> [..., 4] of the same kind."""
    c0, c1, c2, c3 = counter.unbind(-1)
    k0, k1 = key.unbind(-1)
    for _ in range(10):
        # The product wraps in int64; its bits are those of the unsigned one.
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (
            ((p1 >> 32) & _MASK) ^ c1 ^ k0,
            p1 & _MASK,
            ((p0 >> 32) & _MASK) ^ c3 ^ k1,
            p0 & _MASK,
        )
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return torch.stack([c0, c1, c2, c3], dim=-1)


def uniform(streams: Tensor, positions: Tensor) -> Tensor:
    """One number in (0, 1) for each stream at a token position.

    streams: [R, 4] int64 from `stream`; positions: [R] int64. Returns [R] float64, of 32 bits.
    """
    zero = torch.zeros_like(positions)
    counter = torch.stack([positions, zero, streams[:, 2], streams[:, 3]], dim=-1)  # [R, 4]
    words = philox(counter, streams[:, :2])
    return (words[:, 0].double() + 0.5) * 2.0**-32


def stream(
    seed: int, problem: ProblemKey, sample_index: int, purpose: str, turn: int
) -> tuple[int, int, int, int]:
    """Four uint32 words: the generator's key, and the upper half of its counter."""
    name = digest(str(seed), *problem, str(sample_index), purpose, str(turn))
    return (
        int(name[0:8], 16),
        int(name[8:16], 16),
        int(name[16:24], 16),
        int(name[24:32], 16),
    )
