"""The operations of a decode step in PyTorch: the oracle of the kernels.

R is the rows of a step.
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


def normed(x: Tensor, weight: Tensor, shift: Tensor | None, eps: float) -> Tensor:
    """RMSNorm (arXiv 1910.07467), with a shift LayerNorm, of float32 x: float32."""
    if shift is not None:
        return F.layer_norm(x, (x.shape[-1],), weight.float(), shift.float(), eps)
    return weight.float() * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)


def add_norm(
    residual: Tensor, added: Tensor | None, weight: Tensor, shift: Tensor | None, eps: float
) -> Tensor:
    """See `fused.add_norm`."""
    if added is not None:
        residual += added
    return normed(residual.float(), weight, shift, eps).to(weight.dtype)


def rotate_and_store(
    qkv: Tensor, q_weight: Tensor | None, k_weight: Tensor | None, cos: Tensor, sin: Tensor,
    positions: Tensor, slots: Tensor, k: Tensor, v: Tensor, heads: int, eps: float,
) -> Tensor:  # fmt: skip
    """See `fused.rotate_and_store`."""
    groups, dim = k.shape[0], k.shape[2]
    x = qkv.view(-1, heads + 2 * groups, dim)
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


def activate(x: Tensor, kind: str, gated: bool) -> Tensor:
    """See `fused.activate`."""
    if not gated:
        return ACTIVATIONS[kind](x.float()).to(x.dtype)
    gate, up = x.float().chunk(2, -1)
    return (ACTIVATIONS[kind](gate) * up).to(x.dtype)
