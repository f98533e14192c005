"""The peers' decoder: a plain transformer with static caches, one layer compiled for one shape.

Attention is either the paper's two einsums over a shared prefix and own keys (bifurcated attention,
arXiv 2403.08845, section 4.2), or PyTorch's scaled_dot_product_attention over a copy of the prefix
for every row. As usual with static caches, a step reads all own slots, not yet filled ones too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.engine.architecture import Architecture

Attention = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer of a gated decoder without biases; [out, in]."""

    norm1: Tensor
    qkv: Tensor
    output: Tensor
    norm2: Tensor
    up: Tensor  # gate above up
    down: Tensor


@dataclass(frozen=True, slots=True)
class Caches:
    """Keys and values of one layer; a side that a form of attention has no use for is empty."""

    prefix_k: Tensor  # [G, P, D]
    prefix_v: Tensor
    own_k: Tensor  # [b, G, n, D]
    own_v: Tensor


def two_einsums(q: Tensor, pk: Tensor, pv: Tensor, ok: Tensor, ov: Tensor, mask: Tensor) -> Tensor:
    """q [b, G, H/G, D], mask [n] added to scores of own keys -> [b, G, H/G, D]."""
    shared = torch.einsum("bgpk,gmk->bgpm", q, pk)
    own = torch.einsum("bgpk,bgmk->bgpm", q, ok) + mask
    weights = torch.cat([shared, own], -1).mul(q.shape[-1] ** -0.5).float().softmax(-1).to(q.dtype)
    first, second = torch.split(weights, [pk.shape[1], ok.shape[2]], -1)
    return torch.einsum("bgpm,gmk->bgpk", first, pv) + torch.einsum("bgpm,bgmk->bgpk", second, ov)


def replicated(q: Tensor, pk: Tensor, pv: Tensor, ok: Tensor, ov: Tensor, mask: Tensor) -> Tensor:
    """As `two_einsums`, the prefix copied to the front of each row's own keys. No mask: a flash
    kernel takes none, and a step takes as long."""
    return F.scaled_dot_product_attention(q, ok, ov)


FORMS: dict[str, Attention] = {"two einsums": two_einsums, "replicated SDPA": replicated}


def _norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    wide = x.float()
    return weight * (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class PlainWeights:
    """All weights of a gated decoder without biases."""

    def __init__(self, a: Architecture, weights: Callable[[str], Tensor]) -> None:
        """weights: by our names, as for `Decoder`. Raises ValueError for another kind of model."""
        if a.norm != "rms" or a.mlp != "gated" or a.qkv_bias or a.qk_norm:
            raise ValueError(f"the plain decoder has no {a.family}")
        self.architecture = a
        self.embedding, self.norm = weights("embedding"), weights("norm.weight")
        self.layers = [_layer_weights(weights, i) for i in range(a.layers)]
        self.head = self.embedding if a.tied else weights("output")


class PlainDecoder:
    """A decode step of `rows` rows at one position, over random caches."""

    def __init__(
        self, weights: PlainWeights, form: str, rows: int, prefix: int, own: int, compiled: bool
    ) -> None:
        """form: of FORMS; own: slots of each row's own keys."""
        a = self.a = weights.architecture
        self.weights, self._attention = weights, FORMS[form]
        like = weights.embedding
        shared, slots = (prefix, own) if form == "two einsums" else (0, prefix + own)

        def cache(*size: int) -> Tensor:
            return torch.empty(size, dtype=like.dtype, device=like.device).normal_(0, 0.5)

        self.caches = [
            Caches(
                *(cache(a.kv_heads, shared, a.head_dim) for _ in "kv"),
                *(cache(rows, a.kv_heads, slots, a.head_dim) for _ in "kv"),
            )
            for _ in range(a.layers)
        ]
        angles = torch.outer(
            torch.tensor([float(prefix + own // 2)]), a.rope.frequencies(a.head_dim)
        ).to(like.device)
        self.cos, self.sin = angles.cos().to(like.dtype), angles.sin().to(like.dtype)  # [1, D/2]
        self.mask = torch.zeros(slots, dtype=like.dtype, device=like.device)
        self.at = torch.tensor([slots - 1], device=like.device)  # slot of the current token
        self.tokens = torch.zeros(rows, dtype=torch.int64, device=like.device)
        self._call = torch.compile(self._layer, dynamic=False) if compiled else self._layer

    def step(self) -> Tensor:
        """One step -> the next tokens [b], greedy, which are also its input the next time."""
        x = self.weights.embedding[self.tokens]  # [b, hidden]
        for w, c in zip(self.weights.layers, self.caches, strict=True):
            x = self._call(
                x, w.norm1, w.qkv, w.output, w.norm2, w.up, w.down, self.cos, self.sin,
                c.prefix_k, c.prefix_v, c.own_k, c.own_v, self.at, self.mask,
            )  # fmt: skip
        x = _norm(x, self.weights.norm, self.a.norm_eps)
        self.logits = x @ self.weights.head.T  # [b, V]
        self.tokens.copy_(self.logits.argmax(-1))
        return self.tokens

    def _layer(
        self, x: Tensor, norm1: Tensor, qkv: Tensor, output: Tensor, norm2: Tensor, up: Tensor,
        down: Tensor, cos: Tensor, sin: Tensor, pk: Tensor, pv: Tensor, ok: Tensor, ov: Tensor,
        at: Tensor, mask: Tensor,
    ) -> Tensor:  # fmt: skip
        a, b = self.a, x.shape[0]
        heads = (_norm(x, norm1, a.norm_eps) @ qkv.T).view(b, -1, a.head_dim)
        q, k, v = torch.split(heads, [a.heads, a.kv_heads, a.kv_heads], 1)
        q, k = _rotated(q, cos, sin), _rotated(k, cos, sin)
        ok.index_copy_(2, at, k[:, :, None])
        ov.index_copy_(2, at, v[:, :, None])
        grouped = q.reshape(b, a.kv_heads, -1, a.head_dim)
        mixed = self._attention(grouped, pk, pv, ok, ov, mask)
        x = x + mixed.reshape(b, -1) @ output.T
        gate, wide = (_norm(x, norm2, a.norm_eps) @ up.T).chunk(2, -1)
        return x + (F.silu(gate) * wide) @ down.T


def _layer_weights(weights: Callable[[str], Tensor], index: int) -> LayerWeights:
    def stacked(*names: str) -> Tensor:
        parts = [weights(f"layers.{index}.{name}.weight") for name in names]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return LayerWeights(
        stacked("attention_norm"), stacked("q", "k", "v"), stacked("o"), stacked("mlp_norm"),
        stacked("gate", "up"), stacked("down"),
    )  # fmt: skip
