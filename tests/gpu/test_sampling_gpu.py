"""The sampling kernels on a GPU: the reference's tokens, and distributions by chi-square."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kernels.sampling.draw import Filters, draw_tokens
from pipeline.engine.sampling import Sampler

pytestmark = pytest.mark.gpu

DRAWS = 100_000
CASES = {
    "temperature": Filters(0.7, None, None, None, None),
    "top-k": Filters(1.0, 20, None, None, None),
    "top-p": Filters(1.0, None, 0.95, None, None),
    "min-p": Filters(1.0, None, None, 0.05, None),
    "combined": Filters(0.8, 60, 0.9, 0.02, None),
}


def sampler(f: Filters) -> Sampler:
    return Sampler(f.temperature, f.top_k, f.top_p, f.min_p, f.banned)


@pytest.mark.parametrize("name", CASES)
def test_chi_square(name: str) -> None:
    """Fixed logits of 300 tokens; the expected distribution is the reference filter's softmax."""
    generator = torch.Generator().manual_seed(5)
    one = (2.0 * torch.randn(300, generator=generator)).cuda()
    expected = sampler(CASES[name]).filtered(one[None]).double().softmax(-1)[0].cpu().numpy()
    streams = torch.randint(0, 2**32, (DRAWS, 4), generator=generator).cuda()
    rows = torch.arange(DRAWS, device="cuda")
    logits = one.expand(DRAWS, -1)
    tokens, _, _ = draw_tokens(logits, rows, streams, torch.zeros_like(rows), CASES[name], 0)
    seen = np.bincount(tokens.cpu().numpy(), minlength=300)
    assert seen[expected == 0].sum() == 0
    likely = expected * DRAWS >= 5
    rest = expected[~likely].sum() * DRAWS
    statistic = float((((seen - expected * DRAWS) ** 2)[likely] / (expected * DRAWS)[likely]).sum())
    cells = int(likely.sum())
    if rest >= 5:
        statistic += float((seen[~likely].sum() - rest) ** 2 / rest)
        cells += 1
    # Wilson and Hilferty's approximation of the quantile of 0.9999.
    free = cells - 1
    limit = free * (1 - 2 / (9 * free) + 3.72 * (2 / (9 * free)) ** 0.5) ** 3
    print(f"{name}: chi-square {statistic:.1f} of {free} degrees of freedom, limit {limit:.1f}")
    assert statistic < limit


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("vocabulary", [151_936, 32_000])
@pytest.mark.parametrize("spread", [0.1, 1.0, 2.0, 4.5])
def test_tokens_of_the_reference(name: str, vocabulary: int, spread: float) -> None:
    torch.manual_seed(6)
    logits = (spread * torch.randn((600, vocabulary), device="cuda")).bfloat16()
    streams = torch.randint(0, 2**32, (600, 4), device="cuda")
    rows = torch.arange(600, device="cuda")
    mine = draw_tokens(logits, rows, streams, rows, CASES[name], 0)
    reference = sampler(CASES[name]).draw(logits.float(), streams, rows)
    same = mine[0] == reference[0]
    # In a flat row an edge between two of 100,000 tokens lies within the sums' rounding now and
    # then.
    assert int((~same).sum()) <= 6
    for at in (1, 2):
        torch.testing.assert_close(mine[at][same], reference[at][same], atol=1e-4, rtol=1e-4)
