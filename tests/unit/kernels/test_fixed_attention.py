"""Attention with cuts by position: a row's bits depend on its own path alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.prefix_tree_attention.choice import Parts
from kernels.prefix_tree_attention.fixed_work import cuts, plan_fixed
from kernels.prefix_tree_attention.tree import Branch, Segment
from tests.decode_cases import Inputs, inputs
from tests.interpreter import products_in_one_order

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
FIXED = Parts(tile=16, block=16, chunk=16, own_block=16, own_split=16)


@pytest.fixture(autouse=True, scope="module")
def _products() -> Iterator[None]:
    with products_in_one_order():
        yield


def elsewhere(x: Inputs, rows: list[int], cuts: list[int], seed: int) -> Inputs:
    """Some rows of a step in another step: in this order, each prompt a copy of its own at other
    slots, cut at other places, own keys on other pages."""
    random = np.random.default_rng(seed)
    own = [int(x.lengths[row]) for row in rows]
    order = [x.paths[row].cpu().numpy() for row in rows]
    page, count = x.page, x.pages.shape[1]
    segments, branches, moved, tokens = [], [], [np.zeros(3, np.int64)], []
    at = 3
    for index, path in enumerate(order):
        shared = path[: len(path) - own[index]]
        inside = sorted({c for c in cuts if c < len(shared)} | {0, len(shared)})
        named = []
        for start, stop in pairwise(inside):
            named.append(len(segments))
            segments.append(Segment(at + start, stop - start, start))
        branches.append(Branch(np.array([index]), tuple(named)))
        moved.append(shared)
        tokens.append(np.arange(at, at + len(shared)))
        at += len(shared)
    pages = at + page * random.permutation(len(rows) * count).reshape(len(rows), count)
    places = np.zeros(at + page * len(rows) * count, np.int64)
    places[:at] = np.concatenate(moved)
    for index, path in enumerate(order):
        token = np.arange(own[index])
        slots = pages[index][token // page] + token % page
        places[slots] = path[len(path) - own[index] :]
        tokens[index] = np.concatenate([tokens[index], slots])
    to = torch.from_numpy(places).to(x.k.device)
    return Inputs(
        x.q[rows].contiguous(), x.k[:, to].contiguous(), x.v[:, to].contiguous(), segments,
        branches, x.lengths[rows].contiguous(),
        torch.from_numpy(pages).int().to(x.k.device), page,
        [torch.from_numpy(t).to(x.k.device) for t in tokens],
    )  # fmt: skip


@settings(max_examples=10, deadline=None)
@given(
    kv_heads=st.integers(1, 2),
    share=st.integers(1, 3),
    rows=st.sampled_from([3, 17]),
    page=st.sampled_from([4, 16]),
    early=st.booleans(),
    window=st.sampled_from([None, None, 7, 30]),
    cuts=st.lists(st.integers(1, 90), max_size=4),
    seed=st.integers(0, 2**31),
)
def test_a_rows_bits_do_not_depend_on_the_batch_the_tree_or_the_pages(
    kv_heads: int, share: int, rows: int, page: int, early: bool, window: int | None,
    cuts: list[int], seed: int,
) -> None:  # fmt: skip
    x = inputs(
        seed, rows=rows, heads=kv_heads * share, kv_heads=kv_heads, dim=16, page=page,
        device=DEVICE, longest=70,
    )  # fmt: skip
    # Without splits of the own part that part merges, with them another kernel does.
    choice = replace(FIXED, own_split=1 << 30) if early else FIXED
    whole = x.run(choice, window=window)
    torch.testing.assert_close(whole.double(), x.expected(window=window), atol=2e-5, rtol=1e-4)
    for some in ([rows - 1], [rows - 1, 0, 1]):
        other = elsewhere(x, some, cuts, seed).run(choice, window=window)
        assert torch.equal(other, whole[some])


def test_a_chunk_in_which_the_tree_forks_is_read_once_for_each_path() -> None:
    segments = [Segment(0, 40, 0), Segment(100, 30, 40), Segment(200, 8, 40)]
    rows = [np.array([0, 2]), np.array([1])]
    work = plan_fixed(
        segments, [Branch(rows[0], (0, 1)), Branch(rows[1], (0, 2))], 4, 1, 2, 16, 16, 32
    )
    slot, length, entry, below, _, column, position, _ = work.items.T
    keys = [work.listed[s : s + n] for s, n in zip(slot, length, strict=True)]
    assert keys[0].tolist() == list(range(32))
    assert work.row_list[entry[0] : entry[0] + below[0]].tolist() == [0, 2, 1]
    assert keys[1].tolist() == [*range(32, 40), *range(100, 124)]
    assert keys[2].tolist() == list(range(124, 130))
    assert keys[3].tolist() == [*range(32, 40), *range(200, 208)]
    assert column.tolist() == [0, 1, 2, 1]
    assert position.tolist() == [0, 32, 64, 32]
    assert work.depths.tolist() == [3, 2, 3, 0]
    assert work.bases.tolist() == [70, 48, 70, 0]


def test_chunks_grow_once() -> None:
    assert cuts(0, 16) == []
    assert cuts(130, 16) == [(0, 16), (16, 32), (32, 48), (48, 64), (64, 128), (128, 130)]


def test_rows_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.3"):
        plan_fixed([Segment(0, 8, 0)], [Branch(np.array([4]), (0,))], 4, 1, 1, 16, 16, 32)
