"""Prefill attention as the engine launches it: every head dimension and dtype, against float64."""

from __future__ import annotations

import pytest
import torch

from kernels.tree_prefill.attention import tiles_for
from tests.prefill_cases import prompts

pytestmark = pytest.mark.gpu
LENGTHS, SHARED = [700, 300, 5, 129], [0, 260, 3, 1]
ERRORS = {torch.bfloat16: 3e-3, torch.float16: 4e-4, torch.float32: 1e-6}  # of rounding, relative
CASES = [
    *((4, 2, dim, torch.bfloat16) for dim in (64, 80, 96, 128, 256)),
    *((4, 2, dim, torch.float32) for dim in (80, 128)),
    (6, 1, 128, torch.bfloat16),
    (2, 2, 128, torch.float16),
]


@pytest.mark.parametrize(("heads", "kv_heads", "dim", "dtype"), CASES)
@pytest.mark.parametrize("window", [None, 100])
def test_any_pass_gives_the_same_bits_and_they_are_right(
    heads: int, kv_heads: int, dim: int, dtype: torch.dtype, window: int | None
) -> None:
    x = prompts(dim, LENGTHS, SHARED, heads, kv_heads, dim, "cuda", dtype, 16)
    tiles = tiles_for(dim, dtype)
    whole = x.attended([(i, 0, n) for i, n in enumerate(LENGTHS)], tiles, window)
    for i, found in enumerate(whole):
        expected = x.expected(i, window)
        error = (found.double() - expected).norm() / expected.norm()
        assert error < ERRORS[dtype]
    for cut in (1, 64, 100, 255):
        parts = [(i, min(cut, n - 1), n) for i, n in enumerate(LENGTHS)][::-1]
        for (i, start, _), found in zip(parts, x.attended(parts, tiles, window), strict=True):
            assert torch.equal(found, whole[i][start:])
