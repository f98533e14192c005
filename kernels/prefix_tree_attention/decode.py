"""Decode attention over a prefix tree by Triton kernels: one token of each row."""

from __future__ import annotations

import torch
from torch import Tensor

from kernels.prefix_tree_attention.choice import Choice, Parts, Shape
from kernels.prefix_tree_attention.options import Options
from kernels.prefix_tree_attention.parts_plan import PartsPlan
from kernels.prefix_tree_attention.stream_plan import StreamPlan

DecodePlan = PartsPlan | StreamPlan


def decode_plan(
    shape: Shape, choice: Choice, device: torch.device, multiprocessors: int,
    dtype: torch.dtype = torch.bfloat16,
) -> DecodePlan:  # fmt: skip
    """An empty plan for steps of that shape; dtype: of q. See `PartsPlan` and `StreamPlan`."""
    if isinstance(choice, Parts):
        return PartsPlan(shape, choice, device, multiprocessors, dtype)
    return StreamPlan(shape, choice, device)


def decode_attention(
    q: Tensor, k: Tensor, v: Tensor, plan: DecodePlan, lengths: Tensor, pages: Tensor,
    scale: float, *, window: int | None = None, softcap: float | None = None,
    sinks: Tensor | None = None, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Attention of each row to the shared segments of its path and to its own keys.

    Source: arXiv 2403.08845, equations 3 and 4, in the form of partial softmaxes over the segments
    of a path, merged by their log-sum-exp; scores, sums and merge are fp32. `plan.step` comes
    first, once for all layers of a step.

    q: [R, H, D] bf16, fp16 or fp32, heads contiguous; k, v: [G, N, D], the layer's arena, of the
    same strides, D contiguous; plan: of that shape; lengths: [R] int32, own keys of each row,
    that of its current token included (0: none); pages: [R, J] int32, slot of the first key of
    each own page; scale: multiplies the scores; window: a key is seen while query - key < window;
    softcap: scores become cap * tanh(score / cap); sinks: [H], a logit for each head that takes
    weight and has no value (gpt-oss); out: [R, H, D] in q's dtype.
    Returns out; zeros for a row that sees no key. Raises ValueError on shapes that do not fit.
    """
    if out is None:
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
    _check(q, k, v, plan.shape, lengths, pages, out, sinks)
    plan.attend(q, k, v, lengths, pages, out, Options(scale, window, softcap, sinks))
    return out


def _check(
    q: Tensor, k: Tensor, v: Tensor, s: Shape, lengths: Tensor, pages: Tensor, out: Tensor,
    sinks: Tensor | None,
) -> None:  # fmt: skip
    if q.shape != (s.rows, s.heads, s.dim) or q.shape != out.shape:
        raise ValueError(f"q {tuple(q.shape)}, out {tuple(out.shape)}: the plan is of {s}")
    if k.shape != v.shape or k.stride() != v.stride() or k.shape[::2] != (s.kv_heads, s.dim):
        raise ValueError(f"k {tuple(k.shape)}, v {tuple(v.shape)}: the plan is of {s}")
    if k.stride(2) != 1 or q.stride()[1:] != (s.dim, 1) or out.stride()[1:] != (s.dim, 1):
        raise ValueError("q, k, v, out: head dimensions lie dense, and so do heads of q and out")
    if lengths.shape != (s.rows,) or pages.shape != (s.rows, s.own_pages):
        raise ValueError(
            f"lengths {tuple(lengths.shape)}, pages {tuple(pages.shape)}: the plan is of {s}"
        )
    if lengths.dtype != torch.int32 or pages.dtype != torch.int32:
        raise ValueError("lengths and pages are int32")
    if sinks is not None and sinks.shape != (s.heads,):
        raise ValueError(f"sinks {tuple(sinks.shape)} for {s.heads} heads")
