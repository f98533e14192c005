"""Prefill attention against float64, by Triton's interpreter where there is no GPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.tree_prefill.attention import PrefillPlan, Tiles
from kernels.tree_prefill.plan import Path, work_of
from tests.prefill_cases import prompts

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SMALL = Tiles(16, 16, 2, 4)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=3),
    shared=st.lists(st.integers(0, 80), min_size=3, max_size=3),
    kv_heads=st.integers(1, 2),
    share=st.integers(1, 3),
    dim=st.sampled_from([16, 24]),
    window=st.sampled_from([None, None, 1, 7, 30]),
    softcap=st.sampled_from([None, None, 2.0]),
    with_sinks=st.booleans(),
    cut=st.integers(1, 60),
    seed=st.integers(0, 2**31),
)
def test_tokens_see_their_path_and_their_bits_do_not_depend_on_the_pass(
    lengths: list[int], shared: list[int], kv_heads: int, share: int, dim: int,
    window: int | None, softcap: float | None, with_sinks: bool, cut: int, seed: int,
) -> None:  # fmt: skip
    x = prompts(seed, lengths, shared, kv_heads * share, kv_heads, dim, DEVICE)
    sinks = torch.linspace(-2, 2, kv_heads * share, device=DEVICE) if with_sinks else None
    whole = x.attended(
        [(i, 0, n) for i, n in enumerate(lengths)], SMALL, window, softcap, sinks
    )  # fmt: skip
    for i, found in enumerate(whole):
        expected = x.expected(i, window, softcap, sinks)
        torch.testing.assert_close(found.double(), expected, atol=2e-5, rtol=1e-4)
    cuts = [(i, min(cut, n - 1), n) for i, n in enumerate(lengths)][::-1]
    parts = x.attended(cuts, SMALL, window, softcap, sinks)
    for (i, start, _), found in zip(cuts, parts, strict=True):
        assert torch.equal(found, whole[i][start:])


def test_bits_do_not_depend_on_where_the_tree_forks_or_on_slots() -> None:
    x = prompts(3, [75, 70], [37, 37], 4, 2, 16, DEVICE)
    whole = x.attended([(1, 0, 70)], SMALL)[0]
    random = np.random.default_rng(0)
    places = random.permutation(x.k.shape[1])
    back = torch.from_numpy(np.argsort(places)).to(DEVICE)
    scattered = type(x)(x.q, x.k[:, back], x.v[:, back], [places[s] for s in x.slots])
    assert torch.equal(scattered.attended([(1, 0, 70)], SMALL)[0], whole)


def test_blocks_that_lie_as_one_piece_are_read_so() -> None:
    # 40 keys from slot 100 on, then 50 from slot 300 on; blocks of 16.
    path = np.concatenate([100 + np.arange(40), 300 + np.arange(50)])
    work = work_of([Path(path, 50), Path(path[:10], 10)], 2, 32, 16)
    assert work.runs.tolist() == [[0, 32, 48, 100], [48, 80, 90, 260], [0, 0, 10, 100]]
    # Tiles of 16 tokens, cut at multiples of 16; those of most keys first.
    row, tokens, tile, position, listed, run, runs, _ = work.items.T
    assert tile.tolist() == [64 + 16, 32 + 16, 16, -16, 0]
    assert row.tolist() == [0, 0, 0, 0, 50]
    assert tokens.tolist() == [50, 50, 50, 50, 10]
    assert position.tolist() == [40, 40, 40, 40, 0]
    assert listed.tolist() == [0, 0, 0, 0, 90]
    assert run.tolist() == [0, 0, 0, 0, 2]
    assert runs.tolist() == [2, 2, 2, 2, 1]
    assert work.listed.tolist() == [*path, *path[:10]]


def test_a_path_that_begins_in_pieces_is_looked_up() -> None:
    path = np.array([5, 9, *range(20, 40)])
    assert work_of([Path(path, 1)], 1, 16, 8).runs.tolist() == [[0, 0, 8, 5], [8, 16, 22, 18]]


def test_many_heads_of_one_kv_head_make_the_tile_wider() -> None:
    x = prompts(0, [33], [0], 24, 1, 16, DEVICE)
    found = x.attended([(0, 0, 33)], SMALL)[0]
    torch.testing.assert_close(found.double(), x.expected(0), atol=2e-5, rtol=1e-4)


def test_what_is_not_the_plans_is_refused() -> None:
    plan = PrefillPlan([Path(np.arange(5), 5)], 2, 1, 16, SMALL, torch.device(DEVICE))
    k = torch.zeros((1, 8, 16), device=DEVICE)
    with pytest.raises(ValueError, match="not of the plan"):
        plan.attend(torch.zeros((4, 2, 16), device=DEVICE), k, k, 1.0, None)
