"""Decode attention by Triton kernels, run by Triton's interpreter where there is no GPU.

The interpreter has no bfloat16 products; those are tested on the GPU.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.prefix_tree_attention.choice import Choice, Parts, Stream
from kernels.prefix_tree_attention.parts_plan import PartsPlan
from kernels.prefix_tree_attention.tree import Branch, Segment
from tests.decode_cases import Inputs, inputs, relative_error

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


SMALL = Parts(tile=16, block=16, least=16, own_block=16)
CHOICES = [
    SMALL,
    replace(SMALL, own_split=16),
    replace(SMALL, side_by_side=True),
    Stream(members=2, block=16),
    Stream(members=5, block=32),
]


@settings(max_examples=30, deadline=None)
@given(
    kv_heads=st.integers(1, 2),
    share=st.integers(1, 3),
    rows=st.integers(1, 9),
    dim=st.sampled_from([16, 24]),
    page=st.sampled_from([4, 16, 32]),
    choice=st.sampled_from(CHOICES),
    window=st.sampled_from([None, None, 1, 7, 30]),
    softcap=st.sampled_from([None, None, 2.0]),
    sinks=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_equals_plain_attention(
    kv_heads: int, share: int, rows: int, dim: int, page: int, choice: Choice,
    window: int | None, softcap: float | None, sinks: bool, seed: int,
) -> None:  # fmt: skip
    heads = kv_heads * share
    x = inputs(seed, rows=rows, heads=heads, kv_heads=kv_heads, dim=dim, page=page, device=DEVICE)
    logits = torch.randn(heads, device=DEVICE) if sinks else None
    if isinstance(choice, Stream):
        window = None
    out = x.run(choice, window=window, softcap=softcap, sinks=logits)
    expected = x.expected(window=window, softcap=softcap, sinks=logits)
    torch.testing.assert_close(out.double(), expected, atol=2e-5, rtol=1e-4)


def test_half_precision_is_as_exact_as_plain_attention_in_it() -> None:
    x = inputs(
        5, rows=8, heads=4, kv_heads=2, dim=32, dtype=torch.float16, device=DEVICE, longest=90
    )
    expected = x.expected()
    plain = relative_error(x.sdpa(), expected)
    for choice in CHOICES:
        assert relative_error(x.run(choice), expected) <= 1.1 * plain


def test_a_plan_follows_the_tree_in_place() -> None:
    first, second = (
        inputs(seed, rows=6, heads=2, kv_heads=1, dim=16, device=DEVICE) for seed in (3, 4)
    )
    plan = first.plan(SMALL)
    assert isinstance(plan, PartsPlan)
    plan.reserve(items=64, entries=64, columns=16)

    def tensors() -> list[int]:
        return [x.data_ptr() for x in (plan.items, plan.row_list, plan.partial, plan.lse)]

    version, before = plan.version, tensors()
    for x in (first, second, first):
        torch.testing.assert_close(
            x.run(SMALL, plan=plan).double(), x.expected(), atol=2e-5, rtol=1e-4
        )
    assert plan.version == version
    assert tensors() == before


def branches_of(x: Inputs, *branches: Branch) -> None:
    x.plan(SMALL).update([Segment(0, 8, 0), Segment(8, 4, 8), Segment(12, 4, 3)], list(branches))


def test_what_is_no_tree_is_refused() -> None:
    x = inputs(1, rows=4, heads=2, kv_heads=1, dim=16, device=DEVICE)

    def rows(*index: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(index, dtype=np.int64)

    with pytest.raises(ValueError, match="segment 1 has two parents"):
        branches_of(x, Branch(rows(0), (0, 1)), Branch(rows(1), (1,)))
    with pytest.raises(ValueError, match="begins at position 3"):
        branches_of(x, Branch(rows(0), (0, 2)))
    with pytest.raises(ValueError, match="on two branches"):
        branches_of(x, Branch(rows(0), (0,)), Branch(rows(0), (0, 1)))
    with pytest.raises(ValueError, match=r"outside 0\.\.3"):
        branches_of(x, Branch(rows(4), (0,)))


def test_shapes_that_do_not_fit_are_refused() -> None:
    x = inputs(1, rows=4, heads=2, kv_heads=1, dim=16, device=DEVICE)
    plan = x.plan(SMALL)
    with pytest.raises(ValueError, match="the plan is of"):
        Inputs(x.q[:3], x.k, x.v, [], [], x.lengths, x.pages, 4, []).run(SMALL, plan=plan)
    with pytest.raises(ValueError, match="the plan is of"):
        Inputs(x.q, x.k, x.v[:, 1:], [], [], x.lengths, x.pages, 4, []).run(SMALL, plan=plan)
    with pytest.raises(ValueError, match="int32"):
        Inputs(x.q, x.k, x.v, [], [], x.lengths.long(), x.pages, 4, []).run(SMALL, plan=plan)
