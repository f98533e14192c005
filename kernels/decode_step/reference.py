"""The operations of a decode step in PyTorch: the oracle of the kernels.

R is the rows of a step. Where a product is asked for, [P, R, N] partials or [R, N] will do.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


def product(parts: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """The sum of partials and bias [N], rounded once: [R, N] in dtype."""
    x = parts.float().sum(0) if parts.dim() == 3 else parts.float()
    return (x if bias is None else x + bias.float()).to(dtype)


def normed(x: Tensor, weight: Tensor, shift: Tensor | None, eps: float) -> Tensor:
    """RMSNorm (arXiv 1910.07467), rounded before the scale; with a shift, LayerNorm."""
    if shift is not None:
        return F.layer_norm(x, (x.shape[-1],), weight, shift, eps)
    wide = x.float()
    wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return weight * wide.to(x.dtype)


def add_norm(
    residual: Tensor, parts: Tensor | None, bias: Tensor | None, weight: Tensor,
    shift: Tensor | None, eps: float,
) -> Tensor:  # fmt: skip
    """See `fused.add_norm`."""
    if parts is not None:
        residual += product(parts, bias, residual.dtype)
    return normed(residual, weight, shift, eps)


def rotate_and_store(
    parts: Tensor, bias: Tensor | None, q_weight: Tensor | None, k_weight: Tensor | None,
    cos: Tensor, sin: Tensor, positions: Tensor, slots: Tensor, k: Tensor, v: Tensor, heads: int,
    eps: float,
) -> Tensor:  # fmt: skip
    """See `fused.rotate_and_store`."""
    groups, dim = k.shape[0], k.shape[2]
    x = product(parts, bias, k.dtype).view(-1, heads + 2 * groups, dim)
    query, key, value = x[:, :heads], x[:, heads : heads + groups], x[:, heads + groups :]
    if q_weight is not None and k_weight is not None:
        query, key = normed(query, q_weight, None, eps), normed(key, k_weight, None, eps)
    c, s = (t[positions].to(k.dtype).float()[:, None] for t in (cos, sin))  # [R, 1, D/2]

    def rotated(x: Tensor) -> Tensor:
        low, high = x.float().chunk(2, -1)
        return torch.cat([low * c - high * s, high * c + low * s], -1).to(x.dtype)

    k[:, slots] = rotated(key).transpose(0, 1)
    v[:, slots] = value.transpose(0, 1)
    return rotated(query)


def activate(
    parts: Tensor, bias: Tensor | None, kind: str, gated: bool, dtype: torch.dtype
) -> Tensor:
    """See `fused.activate`."""
    x = product(parts, bias, dtype)
    if not gated:
        return ACTIVATIONS[kind](x)
    gate, up = x.chunk(2, -1)
    return ACTIVATIONS[kind](gate) * up
