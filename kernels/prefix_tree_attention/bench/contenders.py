"""What else there is: PyTorch's attention over the same steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from kernels.prefix_tree_attention.bench.cases import Step

Calls = list[Callable[[], object]]
MOST_REPLICATED = 16 << 30  # bytes of keys and values that are copied for each row
_aten = torch.ops.aten


def contenders(step: Step, compiled: bool) -> dict[str, Callable[[], Calls]]:
    """By name, what makes the calls of a step. compiled: those that take long to compile too."""
    if len(step.case.prompts) > 1:
        tokens = step.case.samples * sum(step.case.prompts) + sum(step.case.own)
        size = tokens * step.case.kv_heads * step.case.dim * 4
        if step.case.header or size > MOST_REPLICATED:
            return {}
        return {"flash, every row its own copy": lambda: _replicated(step)}
    found = {
        "flash + merge": lambda: _two_parts(step, _flash),
        "cuDNN + merge": lambda: _two_parts(step, _cudnn),
    }
    if compiled:
        found["two einsums, compiled"] = lambda: _einsums(step)
    return found


def _uniform(step: Step) -> list[tuple[Tensor, ...]]:
    """Each layer's q [b, H, D], prefix [1, G, P, D] twice, own [b, G, n, D] twice, contiguous."""
    case = step.case
    own = case.own[0]
    layers = []
    for q, k, v in zip(step.q, step.k, step.v, strict=True):
        size = (case.rows, case.kv_heads, own, case.dim)
        prefix = [x[None, :, : case.prompts[0]].contiguous() for x in (k, v)]
        layers.append((
            q, *prefix,
            torch.empty(size, dtype=q.dtype, device=q.device).normal_(),
            torch.empty(size, dtype=q.dtype, device=q.device).normal_(),
        ))  # fmt: skip
    return layers


Attention = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _flash(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    out, lse, *_ = _aten._scaled_dot_product_flash_attention(q, k, v)
    return out, lse


def _cudnn(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    out, lse, *_ = _aten._scaled_dot_product_cudnn_attention(q, k, v, None, True)
    return out, lse.reshape(out.shape[:3])


def _two_parts(step: Step, attention: Attention) -> Calls:
    """Prefix as one sequence of b * H / G queries a KV head, own keys by row, merge by lse."""
    case = step.case
    share = case.heads // case.kv_heads

    def call(q: Tensor, pk: Tensor, pv: Tensor, ok: Tensor, ov: Tensor) -> Tensor:
        grouped = q.view(case.rows, case.kv_heads, share, case.dim)  # [b, G, H/G, D]
        flat = grouped.transpose(0, 1).reshape(1, case.kv_heads, case.rows * share, case.dim)
        out, lse = attention(flat, pk, pv)  # [1, G, b * H/G, D]
        own, own_lse = attention(grouped, ok, ov)  # [b, G, H/G, D]
        out = out.view(case.kv_heads, case.rows, share, case.dim).transpose(0, 1)
        lse = lse.view(case.kv_heads, case.rows, share).transpose(0, 1)
        weight = torch.sigmoid(lse - own_lse)[..., None].to(q.dtype)
        return torch.lerp(own, out, weight)

    layers = _uniform(step)
    return [_bound(call, *layers[i % len(layers)]) for i in range(step.calls)]


def _einsums(step: Step) -> Calls:
    """The paper's form (arXiv 2403.08845, section 4.2), compiled for exactly this shape."""
    case = step.case
    share = case.heads // case.kv_heads

    def call(q: Tensor, pk: Tensor, pv: Tensor, ok: Tensor, ov: Tensor) -> Tensor:
        grouped = q.view(case.rows, case.kv_heads, share, case.dim)
        shared = torch.einsum("bgpk,gmk->bgpm", grouped, pk[0])
        own = torch.einsum("bgpk,bgmk->bgpm", grouped, ok)
        weights = torch.cat([shared, own], -1).mul(step.scale).float().softmax(-1).to(q.dtype)
        first, second = torch.split(weights, [pk.shape[2], ok.shape[2]], -1)
        return torch.einsum("bgpm,gmk->bgpk", first, pv[0]) + torch.einsum(
            "bgpm,bgmk->bgpk", second, ov
        )

    torch._dynamo.reset()
    fast = torch.compile(call, dynamic=False)
    layers = _uniform(step)
    return [_bound(fast, *layers[i % len(layers)]) for i in range(step.calls)]


def _replicated(step: Step) -> Calls:
    """Every row's path in one piece of its own, by variable-length flash attention."""
    case = step.case
    device = step.q[0].device
    paths = [torch.from_numpy(step.slots_of(row)).to(device) for row in range(case.rows)]
    slots = torch.cat(paths)
    counts = torch.tensor([0, *(len(path) for path in paths)], device=device)
    ends = counts.cumsum(0).int()
    each = torch.arange(case.rows + 1, dtype=torch.int32, device=device)
    k, v = (x[0][:, slots].transpose(0, 1).contiguous() for x in (step.k, step.v))  # [n, G, D]
    longest = max(len(path) for path in paths)

    def call(q: Tensor) -> Any:
        return _aten._flash_attention_forward(
            q, k, v, each, ends, 1, longest, 0.0, False, False, scale=step.scale
        )

    return [_bound(call, step.q[i % len(step.q)]) for i in range(step.calls)]


def _bound(call: Callable[..., object], *arguments: Tensor) -> Callable[[], object]:
    return lambda: call(*arguments)
