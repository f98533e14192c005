"""The decoder: embedding, layers, norm, output projection. Built once from an `Architecture`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.engine.architecture import Architecture
from pipeline.engine.parts import (
    MLP,
    Attention,
    LayerCache,
    LayerNorm,
    Linear,
    Norm,
    RMSNorm,
    Rotary,
    StepPlan,
)

# Our name of a weight -> the tensor. Stacked weights (q, k, v; gate, up) are asked for by parts.
Weights = Callable[[str], Tensor]


@dataclass(frozen=True, slots=True)
class Layer:
    attention_norm: Norm
    attention: Attention
    mlp_norm: Norm
    mlp: MLP


class Decoder:
    """A decoder-only transformer over a prefix tree's cache."""

    def __init__(self, architecture: Architecture, weights: Weights, positions: int) -> None:
        """weights: called once for each of `weight_shapes(architecture)`; positions: how many the
        rotary tables cover."""
        self.architecture = architecture
        self.embedding = weights("embedding")  # [V, hidden]
        self.layers = [_layer(architecture, weights, i) for i in range(architecture.layers)]
        self.norm = _norm(architecture, weights, "norm")
        self.output = self.embedding if architecture.tied else weights("output")  # [V, hidden]
        self.rotary = Rotary(architecture, positions, self.embedding.device)

    @property
    def device(self) -> torch.device:
        return self.embedding.device

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.dtype

    def hidden(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        caches: Sequence[LayerCache],
    ) -> Tensor:  # fmt: skip
        """tokens, positions, slots: [R] int64 -> last hidden state [R, hidden], not yet normed."""
        x = self.embedding.index_select(0, tokens)  # [R, hidden]
        cos, sin = self.rotary.at(positions, self.dtype)
        for layer, cache in zip(self.layers, caches, strict=True):
            x = x + layer.attention(layer.attention_norm(x), cos, sin, slots, plan, cache)
            x = x + layer.mlp(layer.mlp_norm(x))
        return x

    def logits(self, hidden: Tensor) -> Tensor:
        """[R, hidden] -> [R, V] float32."""
        return (self.norm(hidden) @ self.output.T).float()


def weight_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight that the decoder asks for."""
    q, kv = a.heads * a.head_dim, a.kv_heads * a.head_dim
    shapes: dict[str, tuple[int, ...]] = {"embedding": (a.vocab_size, a.hidden)}

    def linear(name: str, out: int, into: int, bias: bool) -> None:
        shapes[f"{name}.weight"] = (out, into)
        if bias:
            shapes[f"{name}.bias"] = (out,)

    def norm(name: str, dim: int, bias: bool) -> None:
        shapes[f"{name}.weight"] = (dim,)
        if bias:
            shapes[f"{name}.bias"] = (dim,)

    for i in range(a.layers):
        norm(f"layers.{i}.attention_norm", a.hidden, a.norm_bias)
        linear(f"layers.{i}.q", q, a.hidden, a.qkv_bias)
        linear(f"layers.{i}.k", kv, a.hidden, a.qkv_bias)
        linear(f"layers.{i}.v", kv, a.hidden, a.qkv_bias)
        linear(f"layers.{i}.o", a.hidden, q, a.output_bias)
        if a.qk_norm:
            norm(f"layers.{i}.q_norm", a.head_dim, False)
            norm(f"layers.{i}.k_norm", a.head_dim, False)
        norm(f"layers.{i}.mlp_norm", a.hidden, a.norm_bias)
        if a.mlp == "gated":
            linear(f"layers.{i}.gate", a.intermediate, a.hidden, a.mlp_bias)
        linear(f"layers.{i}.up", a.intermediate, a.hidden, a.mlp_bias)
        linear(f"layers.{i}.down", a.hidden, a.intermediate, a.mlp_bias)
    norm("norm", a.hidden, a.norm_bias)
    if not a.tied:
        shapes["output"] = (a.vocab_size, a.hidden)
    return shapes


def _norm(a: Architecture, weights: Weights, name: str) -> Norm:
    if a.norm == "layer":
        return LayerNorm(weights(f"{name}.weight"), weights(f"{name}.bias"), a.norm_eps)
    return RMSNorm(weights(f"{name}.weight"), a.norm_eps)


def _linear(weights: Weights, names: Sequence[str], bias: bool) -> Linear:
    """One matrix product for several projections of the same input, stacked along the output."""

    def stacked(kind: str) -> Tensor:
        parts = [weights(f"{name}.{kind}") for name in names]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return Linear(stacked("weight"), stacked("bias") if bias else None)


def _layer(a: Architecture, weights: Weights, index: int) -> Layer:
    at = f"layers.{index}"
    gated = a.mlp == "gated"

    def head_norm(name: str) -> RMSNorm | None:
        return RMSNorm(weights(f"{at}.{name}.weight"), a.norm_eps) if a.qk_norm else None

    return Layer(
        attention_norm=_norm(a, weights, f"{at}.attention_norm"),
        attention=Attention(
            qkv=_linear(weights, [f"{at}.q", f"{at}.k", f"{at}.v"], a.qkv_bias),
            output=_linear(weights, [f"{at}.o"], a.output_bias),
            q_norm=head_norm("q_norm"),
            k_norm=head_norm("k_norm"),
            heads=a.heads,
            kv_heads=a.kv_heads,
            head_dim=a.head_dim,
            scale=a.scale,
            window=a.windows[index],
        ),
        mlp_norm=_norm(a, weights, f"{at}.mlp_norm"),
        mlp=MLP(
            up=_linear(weights, [f"{at}.gate", f"{at}.up"] if gated else [f"{at}.up"], a.mlp_bias),
            down=_linear(weights, [f"{at}.down"], a.mlp_bias),
            gated=gated,
            activation=a.activation,
        ),
    )
