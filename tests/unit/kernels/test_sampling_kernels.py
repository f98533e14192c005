"""The sampling kernels against `Sampler.draw`, by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.sampling.draw import Filters, draw_tokens
from pipeline.engine.drawing import Draw
from pipeline.engine.kernel_drawing import KernelDraw
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
EOS = 0


def stream_of(rows: int) -> tuple[Tensor, Tensor]:
    """Streams [rows, 4] and positions [rows]."""
    generator = torch.Generator().manual_seed(rows)
    streams = torch.randint(0, 2**32, (rows, 4), generator=generator).to(DEVICE)
    return streams, torch.arange(rows, device=DEVICE)


def both(
    logits: Tensor, filters: Filters, chunk: int = 4096, seed: int = 1
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(logits), generator=generator).to(DEVICE)
    streams = torch.randint(0, 2**32, (len(logits), 4), generator=generator).to(DEVICE)
    positions = torch.randint(0, 300, (len(logits),), generator=generator).to(DEVICE)
    mine = draw_tokens(logits, rows, streams, positions, filters, EOS, chunk)
    f = filters
    sampler = Sampler(f.temperature, f.top_k, f.top_p, f.min_p, f.banned)
    return mine, sampler.draw(logits.float(), streams[rows], positions[rows])


@settings(max_examples=12, deadline=None)
@given(
    vocabulary=st.sampled_from([1, 2, 5, 16, 33, 100, 257]), chunk=st.sampled_from([16, 32, 4096]),
    temperature=st.sampled_from([0.0, 0.3, 0.8, 1.0, 2.0]),
    top_k=st.sampled_from([None, 1, 3, 50]), top_p=st.sampled_from([None, 0.1, 0.613, 0.95]),
    min_p=st.sampled_from([None, 0.02, 0.31]), banned=st.booleans(),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.float16]),
    ties=st.booleans(), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_draws_as_the_reference(
    vocabulary: int, chunk: int, temperature: float, top_k: int | None,
    top_p: float | None, min_p: float | None, banned: bool, dtype: torch.dtype, ties: bool,
    seed: int,
) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn((4, vocabulary), generator=generator)
    if ties:
        logits = logits.round()
        logits += 0.1 * torch.arange(4)[:, None]  # so that no limit falls on a sum's last bit
    logits = logits.to(DEVICE, dtype)
    gone = torch.rand(vocabulary, generator=generator) < 0.2
    gone[vocabulary // 2] = False
    filters = Filters(temperature, top_k, top_p, min_p, gone.to(DEVICE) if banned else None)
    mine, reference = both(logits, filters, chunk, seed)
    assert mine[0].tolist() == reference[0].tolist()
    torch.testing.assert_close(mine[1], reference[1], atol=3e-5, rtol=1e-5)
    torch.testing.assert_close(mine[2], reference[2], atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("filters", [(None, 0.5, None), (150, None, None), (200, 0.6, None)])
@pytest.mark.parametrize(("size", "chunk"), [(300, 64), (700, 1024)])
def test_logits_of_many_magnitudes(
    dtype: torch.dtype, filters: tuple[int | None, ...], size: int, chunk: int
) -> None:
    """Around zero many keys lie between two logits, and more logits than a chunk has listed."""
    generator = torch.Generator().manual_seed(4)
    scale = 10.0 ** -(30 * torch.rand((4, size), generator=generator))
    logits = (torch.randn((4, size), generator=generator) * scale).to(DEVICE, dtype)
    mine, reference = both(logits, Filters(0.9, *filters, None), chunk)
    assert mine[0].tolist() == reference[0].tolist()
    torch.testing.assert_close(mine[1], reference[1], atol=3e-5, rtol=1e-5)
    torch.testing.assert_close(mine[2], reference[2], atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("filters", [(None, 0.7, None), (150, None, None), (250, 0.9, None)])
def test_more_ties_than_a_chunk_has_listed(filters: tuple[int | None, ...]) -> None:
    logits = torch.full((3, 300), 0.5, device=DEVICE, dtype=torch.bfloat16)
    logits[1, :20] = 1.5
    logits[2, 30:] = -2.0
    logits[2, 7] = 0.75
    mine, reference = both(logits, Filters(1.0, *filters, None))
    assert mine[0].tolist() == reference[0].tolist()
    torch.testing.assert_close(mine[1], reference[1], atol=3e-5, rtol=1e-5)
    torch.testing.assert_close(mine[2], reference[2], atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("filters", [(None, 0.9, None), (20, 0.9, 0.02), (None, None, None)])
def test_a_row_alone_draws_the_same_bits(filters: tuple[int | None, float, float]) -> None:
    generator = torch.Generator().manual_seed(9)
    logits = (2 * torch.randn((5, 100), generator=generator)).to(DEVICE, torch.bfloat16)
    streams, positions = stream_of(5)
    every = torch.arange(5, device=DEVICE)
    chosen = Filters(0.8, *filters, None)
    together = draw_tokens(logits, every, streams, positions, chosen, EOS, 32)
    for row in range(5):
        alone = draw_tokens(
            logits[row : row + 1], every[row : row + 1], streams, positions, chosen, EOS, 32
        )
        assert all(torch.equal(a[0], b[row]) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("worst", [math.nan, -math.inf, math.inf])
def test_rows_without_a_distribution_draw_the_end(worst: float) -> None:
    logits = torch.randn((3, 40), device=DEVICE)
    logits[1, :] = worst
    logits[2, 3] = -math.inf
    for temperature in (0.0, 1.0):
        filters = Filters(temperature, None, 0.9, None, None)
        rows = torch.arange(3, device=DEVICE)
        mine = draw_tokens(logits, rows, *stream_of(3), filters, EOS, 16)
        finite = torch.where(torch.arange(3, device=DEVICE)[:, None] == 1, 0.0, logits)
        f = Sampler(temperature, None, 0.9, None, None)
        reference = f.draw(finite, *stream_of(3))
        assert mine[0][1] == EOS
        assert mine[1][1].isnan()
        assert mine[0][[0, 2]].tolist() == reference[0][[0, 2]].tolist()
        assert mine[1][[0, 2]].isfinite().all()


def test_one_nan_among_finite_logits_is_seen() -> None:
    logits = torch.randn((2, 40), device=DEVICE)
    logits[0, 17] = math.nan
    filters = Filters(1.0, None, None, None, None)
    mine = draw_tokens(logits, torch.arange(2, device=DEVICE), *stream_of(2), filters, EOS, 16)
    assert mine[1].isnan().tolist() == [True, False]


def test_row_state_goes_as_with_the_reference() -> None:
    """Ten steps over stop strings, an end token, limits and padding rows."""
    words = [b"", b"a", b"b", b"ab", b"ba", b"c"]
    states = []
    for kind in (Draw, KernelDraw):
        stops = StopTables(words, [EOS], DEVICE)
        start = stops.start(("abba", "cc"))
        rows = Rows(5, 12, DEVICE)
        generator = torch.Generator().manual_seed(3)
        streams = torch.randint(0, 2**32, (5, 4), generator=generator).to(DEVICE)
        every = torch.arange(5, device=DEVICE)
        limits = torch.tensor([2, 12, 12, 9, 12], device=DEVICE)
        states_of_stop = torch.full_like(every, start)
        rest = torch.stack([every, every + 7, limits, states_of_stop], dim=1)
        rows.admit(torch.cat([rest, streams], dim=1))
        draw = kind(rows, Sampler(1.0, None, 0.95, None, None), stops)
        order = torch.tensor([4, 0, 3, 1, 2, rows.padding], device=DEVICE)
        flags = []
        for _ in range(10):
            logits = torch.randn((6, len(words)), generator=generator).to(DEVICE)
            flags.append(draw(order, logits, 5).tolist())
        names = ("token", "count", "ended", "stop", "ids")
        states.append((flags, [getattr(rows, name).tolist() for name in names], rows))
    assert states[0][:2] == states[1][:2]
    assert any(flag for flag in states[0][0][-1])
    torch.testing.assert_close(states[0][2].raw, states[1][2].raw, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(states[0][2].processed, states[1][2].processed, atol=1e-5, rtol=1e-5)
