"""Attention over a prefix tree equals plain attention of each row to the keys of its path."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.prefix_tree_attention import (
    PAD_POSITION,
    AttentionPlan,
    OwnKeys,
    SharedItems,
    prefix_tree_attention,
    reference,
)


def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float) -> torch.Tensor:
    """q [H, D]; k, v [G, n, D] -> [H, D], in float64."""
    share = q.shape[0] // k.shape[0]
    k, v = (x.double().repeat_interleave(share, 0) for x in (k, v))
    p = torch.einsum("hd,hnd->hn", q.double(), k).mul(scale).softmax(-1)
    return torch.einsum("hn,hnd->hd", p, v)


@settings(max_examples=60, deadline=None)
@given(
    groups=st.integers(1, 3),
    share=st.integers(1, 4),
    dim=st.sampled_from([2, 8]),
    prefix=st.integers(1, 37),
    own=st.lists(st.integers(1, 9), min_size=1, max_size=7),
    block=st.sampled_from([4, 16]),
    width=st.sampled_from([1, 2, 4]),
    window=st.sampled_from([None, 1, 5, 30]),
    gathered=st.sampled_from([1, 50, 1 << 20]),
    seed=st.integers(0, 2**31),
)
def test_equals_plain_attention(
    groups: int, share: int, dim: int, prefix: int, own: list[int], block: int, width: int,
    window: int | None, gathered: int, seed: int,
) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    rows, slots = len(own), 1 + prefix + sum(own)
    q = normal(rows, groups * share, dim) * 3
    k, v = normal(groups, slots, dim), normal(groups, slots, dim)
    place = torch.randperm(slots - 1, generator=generator) + 1  # slot 0 is padding's
    prefix_slots, own_slots = place[:prefix], place[prefix:].split(own)

    blocks = -(-prefix // block)
    chunks = -(-rows // width)
    item_rows = torch.full((blocks, chunks, width), rows)
    keys = torch.zeros((blocks, chunks, block), dtype=torch.int64)
    at = torch.full((blocks, chunks, block), PAD_POSITION)
    partials = torch.full((rows, blocks + 1), blocks * chunks * width)  # one place too many
    for b in range(blocks):
        part = prefix_slots[b * block : (b + 1) * block]
        keys[b, :, : len(part)] = part
        at[b, :, : len(part)] = torch.arange(b * block, b * block + len(part))
        for row in range(rows):
            item_rows[b, row // width, row % width] = row
            partials[row, b] = (b * chunks + row // width) * width + row % width
    shared = SharedItems(
        item_rows.view(-1, width), keys.view(-1, block), at.view(-1, block), partials
    )
    longest = -(-max(own) // 4) * 4
    own_keys = torch.zeros((rows, longest), dtype=torch.int64)
    for row, part in enumerate(own_slots):
        own_keys[row, : len(part)] = part
    own_at = (prefix + torch.arange(longest)).expand(rows, longest)
    positions = torch.tensor([prefix + n - 1 for n in own])
    plan = AttentionPlan(positions, shared, OwnKeys(own_keys, own_at, 4))

    with mock.patch.dict(reference.GATHERED, {"cpu": gathered}):
        result = prefix_tree_attention(q, k, v, plan, 0.5, window)
    for row, part in enumerate(own_slots):
        path = torch.cat([prefix_slots, part])
        if window is not None:
            path = path[-window:]
        expected = plain(q[row], k[:, path], v[:, path], 0.5)
        torch.testing.assert_close(result[row].double(), expected, atol=2e-5, rtol=1e-4)


def test_shapes_that_do_not_fit_are_refused() -> None:
    plan = AttentionPlan(torch.zeros(2, dtype=torch.int64), None, None)
    k = torch.zeros(2, 5, 4)
    with pytest.raises(ValueError, match="does not fit"):
        prefix_tree_attention(torch.zeros(2, 3, 4), k, k, plan, 1.0)
    with pytest.raises(ValueError, match="plan is of 2 rows"):
        prefix_tree_attention(torch.zeros(3, 2, 4), k, k, plan, 1.0)
    with pytest.raises(ValueError, match="neither shared nor own"):
        prefix_tree_attention(torch.zeros(2, 2, 4), k, k, plan, 1.0)
