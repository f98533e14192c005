"""The decoder's parts. R is the rows of a step: one token each, of any sequence and position."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.engine.architecture import Architecture

# x [R, K], weight [N, K], bias [N] -> x @ weight^T + bias [R, N], rounded once. A bias that is
# added to a rounded product instead costs a third of the precision of log-probabilities in bf16.
Product = Callable[[Tensor, Tensor, Tensor | None], Tensor]


class LayerCache(Protocol):
    """One layer's keys and values of every token in the tree: [G, N, D] each."""

    k: Tensor
    v: Tensor

    def append(self, slots: Tensor, k: Tensor, v: Tensor) -> None:
        """Stores k, v [R, G, D] at slots [R]."""


class StepPlan(Protocol):
    """What the rows of a step attend to, the same for every layer."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
        """q [R, H, D]; k, v [G, N, D], a layer's cache -> [R, H, D]."""


@dataclass(frozen=True, slots=True)
class Linear:
    weight: Tensor  # [out, in]
    bias: Tensor | None  # [out]

    def __call__(self, x: Tensor) -> Tensor:
        """[R, in] -> [R, out]."""
        return F.linear(x, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class RMSNorm:
    """arXiv 1910.07467; computed in fp32 and rounded before the scale, as the families do."""

    weight: Tensor  # [dim]
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """[..., dim] -> [..., dim]."""
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return self.weight * wide.to(x.dtype)


@dataclass(frozen=True, slots=True)
class LayerNorm:
    weight: Tensor  # [dim]
    bias: Tensor  # [dim]
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """[..., dim] -> [..., dim]."""
        return F.layer_norm(x, (x.shape[-1],), self.weight, self.bias, self.eps)


Norm = RMSNorm | LayerNorm


class Rotary:
    """Rotates the two halves of each head's dimensions by position (tables in fp32)."""

    def __init__(self, architecture: Architecture, positions: int, device: torch.device) -> None:
        rope = architecture.rope
        angles = torch.outer(
            torch.arange(positions, dtype=torch.float32), rope.frequencies(architecture.head_dim)
        )  # [positions, D/2]
        self.cos = (angles.cos() * rope.attention_factor).to(device)
        self.sin = (angles.sin() * rope.attention_factor).to(device)

    def at(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """cos and sin of positions [R]: [R, 1, D/2] each, in the model's dtype."""
        return (
            self.cos.index_select(0, positions)[:, None].to(dtype),
            self.sin.index_select(0, positions)[:, None].to(dtype),
        )


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [R, heads, D], cos and sin [R, 1, D/2] -> [R, heads, D]."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


@dataclass(frozen=True, slots=True)
class Attention:
    """Grouped-query attention over the prefix tree."""

    qkv: Linear  # [R, hidden] -> [R, (H + 2G) * D]
    output: Linear
    q_norm: RMSNorm | None
    k_norm: RMSNorm | None
    heads: int
    kv_heads: int
    head_dim: int
    scale: float
    window: int | None

    def __call__(
        self, x: Tensor, cos: Tensor, sin: Tensor, slots: Tensor, plan: StepPlan,
        cache: LayerCache,
    ) -> Tensor:  # fmt: skip
        """x [R, hidden] -> [R, hidden]; stores the rows' keys and values at slots [R] first."""
        qkv = self.qkv(x).view(x.shape[0], -1, self.head_dim)  # [R, H + 2G, D]
        both, v = qkv[:, : self.heads + self.kv_heads], qkv[:, self.heads + self.kv_heads :]
        if self.q_norm is not None and self.k_norm is not None:
            q, k = both[:, : self.heads], both[:, self.heads :]
            both = torch.cat([self.q_norm(q), self.k_norm(k)], dim=1)
        both = rotate(both, cos, sin)  # [R, H + G, D]
        q, k = both[:, : self.heads], both[:, self.heads :]
        cache.append(slots, k, v)
        mixed = plan.attend(q, cache.k, cache.v, self.scale, self.window)
        return self.output(mixed.reshape(x.shape[0], -1))


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": _gelu_tanh,
}


@dataclass(frozen=True, slots=True)
class MLP:
    """Gated (act(gate x) * up x) or plain (act(up x)) feed-forward."""

    up: Linear  # gated: gate above up, [R, hidden] -> [R, 2 * intermediate]
    down: Linear
    gated: bool
    activation: Literal["silu", "gelu", "gelu_tanh"]

    def __call__(self, x: Tensor) -> Tensor:
        """[R, hidden] -> [R, hidden]."""
        wide = self.up(x)
        act = ACTIVATIONS[self.activation]
        if self.gated:
            gate, up = wide.chunk(2, dim=-1)
            return self.down(act(gate) * up)
        return self.down(act(wide))
