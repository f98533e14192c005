"""The decode step's kernels against PyTorch, by Triton's interpreter where there is no GPU.

The reference rounds where the kernels do, so float32 agrees to its last bits.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.decode_step import few_rows, fused, reference

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, device=DEVICE)


def close(mine: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(mine, expected, atol=2e-5, rtol=2e-5)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 5), size=st.sampled_from([16, 24, 80]), layer=st.booleans(),
    first=st.booleans(), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_add_norm(rows: int, size: int, layer: bool, first: bool, seed: int) -> None:
    torch.manual_seed(seed)
    residual = normal(rows, size)
    added = None if first else normal(rows, size)
    shift = normal(size) if layer else None
    rest = (added, normal(size), shift, 1e-5)
    mine, theirs = residual.clone(), residual.clone()
    out, expected = fused.add_norm(mine, *rest), reference.add_norm(theirs, *rest)
    close(mine, theirs)
    close(out, expected)


def test_a_float32_stream_is_normed_into_the_weights_dtype() -> None:
    """The sum of the stream and a fp16 product is not rounded, the normed result once."""
    torch.manual_seed(3)
    stream, added, weight = normal(4, 48), normal(4, 48).half(), normal(48).half()
    mine = stream.clone()
    out = fused.add_norm(mine, added, weight, None, 1e-5)
    whole = stream.double() + added.double()
    close(mine, whole.float())
    exact = whole * torch.rsqrt(whole.square().mean(-1, keepdim=True) + 1e-5) * weight.double()
    assert out.dtype == torch.float16
    # fp16, since Triton's interpreter does not round to bf16 but truncates.
    half_ulp = exact.abs().clamp(min=2**-14) * (2**-11 + 2**-18)  # below 2^-14 fp16 is subnormal
    assert ((out.double() - exact).abs() <= half_ulp).all()


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 5), groups=st.integers(1, 3), share=st.integers(1, 3),
    dim=st.sampled_from([8, 12, 16]), norm=st.booleans(), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_rotate_and_store(
    rows: int, groups: int, share: int, dim: int, norm: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    heads = groups * share
    width = (heads + 2 * groups) * dim
    positions = torch.randint(0, 40, (rows,), device=DEVICE)
    slots = torch.randperm(20, device=DEVICE)[:rows]
    weights = (normal(dim), normal(dim)) if norm else (None, None)
    rest = (
        normal(rows, width), *weights, normal(40, dim // 2), normal(40, dim // 2), positions,
        slots,
    )  # fmt: skip
    caches = [[normal(groups, 20, dim)] * 2 for _ in range(2)]
    mine, theirs = ([x.clone() for x in caches[0]] for _ in range(2))
    q = fused.rotate_and_store(*rest, *mine, heads, 1e-6)
    close(q, reference.rotate_and_store(*rest, *theirs, heads, 1e-6))
    close(mine[0], theirs[0])
    close(mine[1], theirs[1])


@pytest.mark.parametrize("rows", [1, 17, 64])
@pytest.mark.parametrize("inner", [64, 448])
def test_products_of_few_rows(rows: int, inner: int) -> None:
    torch.manual_seed(rows)
    x, weight = normal(rows, inner).half(), normal(128, inner).half()
    assert few_rows.fits(x, weight)
    assert few_rows.fits_gated(x, weight)
    exact = x.double() @ weight.double().T
    parts = few_rows.split_product(x, weight)
    assert parts.shape[1:] == exact.shape
    torch.testing.assert_close(parts.sum(0), exact.float(), atol=2e-4, rtol=1e-4)
    weight /= 16  # so that activations are neither 0 nor the gate itself
    gate, up = (x.double() @ weight.double().T).chunk(2, -1)
    for kind in reference.ACTIVATIONS:
        expected = (reference.ACTIVATIONS[kind](gate) * up).half()
        mine = few_rows.gated_product(x, weight, kind)
        torch.testing.assert_close(mine, expected, atol=1e-3, rtol=2e-3)


def test_what_is_no_product_of_few_rows() -> None:
    assert not few_rows.fits(normal(65, 64).half(), normal(128, 64).half())
    assert not few_rows.fits(normal(4, 64), normal(128, 64))
    assert not few_rows.fits(normal(4, 80).half(), normal(128, 80).half())
    assert not few_rows.fits(normal(4, 64).half(), normal(40, 64).half())
    assert not few_rows.fits_gated(normal(4, 64).half(), normal(96, 64).half())
    # More programs than run at once, which only the fewest rows may have.
    wide = torch.empty((2**20, 64), dtype=torch.half, device=DEVICE)
    assert few_rows.fits_gated(normal(16, 64).half(), wide)
    assert not few_rows.fits_gated(normal(17, 64).half(), wide)


def test_parts_and_bias_are_added_up_where_they_are_taken() -> None:
    torch.manual_seed(8)
    parts, bias = normal(3, 4, 48), normal(48)
    whole = parts.sum(0) + bias
    mine, weight = normal(4, 48), normal(48)
    theirs = mine.clone()
    out = fused.add_norm(mine, parts, weight, None, 1e-5, bias)
    close(out, reference.add_norm(theirs, whole, weight, None, 1e-5))
    close(mine, theirs)
    rest = (
        None, None, normal(9, 6), normal(9, 6), torch.tensor([3, 0, 8, 1], device=DEVICE),
        torch.tensor([5, 2, 0, 7], device=DEVICE),
    )  # fmt: skip
    caches = [[torch.zeros(1, 9, 12, device=DEVICE) for _ in range(2)] for _ in range(2)]
    q = fused.rotate_and_store(parts, *rest, *caches[0], 2, 0.0, bias)
    close(q, reference.rotate_and_store(whole, *rest, *caches[1], 2, 0.0))
    assert all(map(torch.allclose, *caches))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 5), size=st.sampled_from([8, 40, 1500]), gated=st.booleans(),
    kind=st.sampled_from(sorted(reference.ACTIVATIONS)), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_activate(rows: int, size: int, gated: bool, kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    width = 2 * size if gated else size
    rest = (3 * normal(rows, width), kind, gated)
    close(fused.activate(*rest), reference.activate(*rest))


@pytest.mark.parametrize("page", [4, 16])
def test_gather_inputs(page: int) -> None:
    """Row 0 is in the middle of its own slots, 1 has ended, 2 is full, 3 has one own token."""
    most, trash = 40, 7
    slots = 100 + torch.arange(4 * most, device=DEVICE).view(4, most)
    state = [[5, 6, 7, 8], [11, 12, 13, 14], [9, 3, most, 1], [0, 2, 0, 0]]
    token, prompt, count, ended = (torch.tensor(x, device=DEVICE) for x in state)
    rows = torch.tensor([3, 0, 1, 2, 3], device=DEVICE)
    embedding = normal(9, 24)
    hidden, positions, places, lengths, pages = fused.gather_inputs(
        rows, token, prompt, count, ended, slots, embedding, page, trash
    )
    assert torch.equal(hidden, embedding[[8, 5, 6, 7, 8]])
    assert positions.tolist() == [14, 19, 12, 13, 14]
    assert places.tolist() == [220, 108, trash, trash, 220]
    assert lengths.tolist() == [1, 9, 1, 1, 1]
    assert torch.equal(pages[:2], slots[[3, 0]][:, ::page].int())
    assert bool((pages[2:4] == trash).all())
