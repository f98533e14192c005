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
    """RMSNorm (arXiv 1910.07467), with a shift LayerNorm, of float32 x: float32."""
    if shift is not None:
        return F.layer_norm(x, (x.shape[-1],), weight.float(), shift.float(), eps)
    return weight.float() * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def add_norm(
    residual: Tensor, parts: Tensor | None, bias: Tensor | None, weight: Tensor,
    shift: Tensor | None, eps: float,
) -> Tensor:  # fmt: skip
    """See `fused.add_norm`."""
    if parts is not None:
        residual += product(parts, bias, residual.dtype)
    return normed(residual.float(), weight, shift, eps).to(weight.dtype)


def rotate_and_store(
    parts: Tensor, bias: Tensor | None, q_weight: Tensor | None, k_weight: Tensor | None,
    cos: Tensor, sin: Tensor, positions: Tensor, slots: Tensor, k: Tensor, v: Tensor, heads: int,
    eps: float,
) -> Tensor:  # fmt: skip
    """See `fused.rotate_and_store`."""
    groups, dim = k.shape[0], k.shape[2]
    x = product(parts, bias, k.dtype).view(-1, heads + 2 * groups, dim)
    query, key = x[:, :heads].float(), x[:, heads : heads + groups].float()
    if q_weight is not None and k_weight is not None:
        query, key = normed(query, q_weight, None, eps), normed(key, k_weight, None, eps)
    c, s = (t[positions][:, None] for t in (cos, sin))  # [R, 1, D/2]

    def rotated(x: Tensor) -> Tensor:
        low, high = x.chunk(2, -1)
        return torch.cat([low * c - high * s, high * c + low * s], -1).to(k.dtype)

    k[:, slots] = rotated(key).transpose(0, 1)
    v[:, slots] = x[:, heads + groups :].transpose(0, 1)
    return rotated(query)


def activate(
    parts: Tensor, bias: Tensor | None, kind: str, gated: bool, dtype: torch.dtype
) -> Tensor:
    """See `fused.activate`."""
    x = product(parts, bias, dtype).float()
    if not gated:
        return ACTIVATIONS[kind](x).to(dtype)
    gate, up = x.chunk(2, -1)
    return (ACTIVATIONS[kind](gate) * up).to(dtype)
