"""Matrix products of a step of few rows: reading the weights is what they cost.

A product is cut along its inner dimension, so that all multiprocessors read at once, and its parts
are added up by the kernel that takes it (`fused.add_norm`, `fused.rotate_and_store`); the gated
activation is part of the product before it. What is not rounded between is more exact.
"""

from __future__ import annotations

from functools import cache

import torch
import triton
from torch import Tensor

from kernels.decode_step.triton_kernels import products
from kernels.early_start import launched, starts_early

ROWS, FEWEST = 64, 16  # most rows of a step of few, and of one of very few
COLUMNS, INNER = 32, 64  # of a program's tile of a weight
PROGRAMS = 2  # for each multiprocessor, about
STAGES, SHORT_STAGES = 6, 4  # steps whose weights are on their way; where there are few steps
AT_ONCE = 3  # programs of a gated product that a multiprocessor has room for
LINES = 4  # of each of its rows that a program asks for before it may start


def fits(x: Tensor, weight: Tensor) -> bool:
    """Whether `split_product` is for x [R, K] and weight [N, K]."""
    columns, inner = weight.shape
    whole = columns % COLUMNS == 0 and inner % INNER == 0
    dense = x.is_contiguous() and weight.is_contiguous()
    return len(x) <= ROWS and x.element_size() == 2 and whole and dense


def fits_gated(x: Tensor, weight: Tensor) -> bool:
    """Whether `gated_product` is for x [R, K] and weight [2 I, K]: beyond very few rows only where
    all of its programs run at once (those of Mistral-7B do not; on an H100 they lost 2 %)."""
    tiles, rest = divmod(len(weight), 2 * COLUMNS)
    at_once = len(x) <= FEWEST or tiles <= AT_ONCE * _multiprocessors(x.device)
    return rest == 0 and at_once and fits(x, weight)


def split_product(x: Tensor, weight: Tensor) -> Tensor:
    """x [R, K], weight [N, K] of one 16-bit dtype that `fits` -> parts [S, R, N] float32, whose sum
    is x @ weight^T."""
    rows, inner = x.shape
    columns = len(weight)
    tiles, steps = columns // COLUMNS, inner // INNER
    wanted = round(PROGRAMS * _multiprocessors(x.device) / tiles)
    splits = max(min(wanted, steps // SHORT_STAGES), 1)
    each = -(-steps // splits)
    splits = -(-steps // each)
    parts = torch.empty((splits, rows, columns), dtype=torch.float32, device=x.device)
    early = starts_early(x.device)
    products.split_product[(tiles, splits)](
        x, weight, parts, rows, N=columns, K=inner, EACH=each * INNER, BM=_tile(rows), BN=COLUMNS,
        BK=INNER, STAGES=STAGES if each > STAGES else SHORT_STAGES, LINES=LINES, EARLY=early,
        num_warps=4, **launched(early),
    )  # fmt: skip
    return parts


def gated_product(x: Tensor, weight: Tensor, kind: str) -> Tensor:
    """x [R, K], weight [2 I, K], gate before up, that `fits_gated` -> act(gate x) * up x [R, I] in
    x's dtype. kind: as in `fused.activate`."""
    rows, inner = x.shape
    columns = len(weight) // 2
    out = torch.empty((rows, columns), dtype=x.dtype, device=x.device)
    early = starts_early(x.device)
    products.gated_product[(columns // COLUMNS,)](
        x, weight, out, rows, N=columns, K=inner, BM=_tile(rows), BN=COLUMNS, BK=INNER,
        STAGES=SHORT_STAGES, LINES=LINES, KIND=kind, EARLY=early, num_warps=4, **launched(early),
    )  # fmt: skip
    return out


def _tile(rows: int) -> int:
    return max(16, int(triton.next_power_of_2(rows)))


@cache
def _multiprocessors(device: torch.device) -> int:
    if device.type != "cuda":  # any number will do for the interpreter
        return 2
    return torch.cuda.get_device_properties(device).multi_processor_count
