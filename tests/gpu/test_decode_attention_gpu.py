"""Decode attention's kernels on a GPU: as exact as PyTorch's attention, in graphs, in any form."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from kernels.prefix_tree_attention.choice import Choice, Parts, Stream
from kernels.prefix_tree_attention.decode import decode_attention
from tests.decode_cases import Inputs, inputs, relative_error

pytestmark = pytest.mark.gpu


FORMS: dict[str, Choice] = {
    "parts": Parts(),
    "parts, small tiles": Parts(tile=16, own_block=64, own_warps=4),
    "parts, own keys split": Parts(own_split=64),
    "parts, side by side": Parts(side_by_side=True),
    "parts, wide": Parts(tile=128, block=128, stages=2, side_by_side=True, wide=True),
    "parts, wide, own part early": Parts(tile=128, block=128, stages=2, programs=0.5, wide=True),
    "parts, wide, one after another": Parts(tile=128, stages=3, own_split=64, wide=True),
    "stream of 2": Stream(members=2, stages=3),
    "stream of 8": Stream(members=8),
}
HEADS = [(12, 2), (8, 8), (8, 1), (14, 2)]  # query heads, KV heads


def step(seed: int, heads: tuple[int, int], dim: int, dtype: torch.dtype, rows: int = 70) -> Inputs:
    return inputs(
        seed, rows=rows, heads=heads[0], kv_heads=heads[1], dim=dim, page=16, dtype=dtype,
        device="cuda", longest=700, longest_own=200,
    )  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("heads", HEADS, ids=str)
def test_as_exact_as_plain_attention(name: str, heads: tuple[int, int]) -> None:
    for seed, dtype in ((1, torch.bfloat16), (2, torch.float16), (3, torch.bfloat16)):
        x = step(seed, heads, 128, dtype)
        expected = x.expected()
        plain = relative_error(x.sdpa(), expected)
        assert relative_error(x.run(FORMS[name]), expected) <= 1.1 * plain


@pytest.mark.parametrize("dim", [64, 80, 96, 256])
@pytest.mark.parametrize("name", ["parts", "parts, wide", "stream of 2"])
def test_head_dimensions(name: str, dim: int) -> None:
    choice = FORMS[name]
    if dim == 256 and isinstance(choice, Parts):  # more would not fit into shared memory
        choice = replace(choice, stages=2, block=32)
    if dim == 256 and isinstance(choice, Stream):
        choice = replace(choice, block=32)
    x = step(5, (8, 2), dim, torch.bfloat16)
    expected = x.expected()
    assert relative_error(x.run(choice), expected) <= 1.1 * relative_error(x.sdpa(), expected)


@pytest.mark.parametrize("name", ["parts", "parts, wide", "stream of 2"])
def test_float32(name: str) -> None:
    x = step(6, (8, 2), 64, torch.float32)
    choice = FORMS[name]
    choice = replace(choice, block=32, stages=2) if isinstance(choice, Parts) else choice
    assert relative_error(x.run(choice), x.expected()) < 2e-6


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize(("window", "softcap"), [(None, 5.0), (100, None), (3, 5.0)])
def test_windows_softcap_and_sinks(name: str, window: int | None, softcap: float | None) -> None:
    if window is not None and isinstance(FORMS[name], Stream):
        pytest.skip("a stream has no windows")
    x = step(7, (12, 2), 128, torch.bfloat16)
    sinks = torch.randn(12, device="cuda")
    out = x.run(FORMS[name], window=window, softcap=softcap, sinks=sinks)
    expected = x.expected(window=window, softcap=softcap, sinks=sinks)
    assert relative_error(out, expected) < 4e-3


@pytest.mark.parametrize("name", FORMS)
def test_a_graph_follows_lengths_and_tree(name: str) -> None:
    """A captured step stays right when rows grow and when the tree changes."""
    first, second = (step(seed, (12, 2), 128, torch.bfloat16) for seed in (8, 9))
    plan = first.plan(FORMS[name])
    for x in (second, first):  # the first update that needs most room is before the capture
        plan.update(x.segments, x.branches)
    size = max(x.k.shape[1] for x in (first, second))
    k, v = (torch.zeros((2, size, 128), dtype=torch.bfloat16, device="cuda") for _ in range(2))
    q, lengths, pages = (x.clone() for x in (first.q, first.lengths, first.pages))
    out = torch.empty_like(q)

    def once() -> None:
        plan.step(lengths, pages)
        decode_attention(q, k, v, plan, lengths, pages, first.scale, out=out)

    once()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        once()
    version = plan.version
    for x in (first, second, first):
        plan.update(x.segments, x.branches)
        assert plan.version == version
        k[:, : x.k.shape[1]], v[:, : x.v.shape[1]] = x.k, x.v
        for tensor, value in ((q, x.q), (lengths, x.lengths), (pages, x.pages)):
            tensor.copy_(value)
        for _ in range(3):
            out.fill_(torch.nan)
            graph.replay()
            assert relative_error(out, x.expected()) < 4e-3
