"""What an adapter is, and the reading of config.json that families share."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.engine.architecture import Architecture, Rope

Activation = Literal["silu", "gelu", "gelu_tanh"]
_ACTIVATIONS: dict[str, Activation] = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
}


class ConfigReader:
    """Reads config.json and gathers every fault instead of stopping at the first."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.faults: list[str] = []

    def integer(self, key: str, default: int | None = None) -> int:
        """A positive integer; a fault, and 1, where it is missing or none."""
        value = self.config.get(key)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.faults.append(f"config.json: {key} is {value!r}, expected a positive integer")
            return 1
        return value

    def number(self, key: str, default: float) -> float:
        value = self.config.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.faults.append(f"config.json: {key} is {value!r}, expected a number")
            return default
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.config.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.faults.append(f"config.json: {key} is {value!r}, expected true or false")
            return default
        return value

    def activation(self, default: str) -> Activation:
        name = self.config.get("hidden_act", default)
        if name not in _ACTIVATIONS:
            self.faults.append(f"config.json: hidden_act {name!r} is not supported")
            return "silu"
        return _ACTIVATIONS[name]

    def refuse(self, key: str, *allowed: object) -> None:
        """A fault where the config asks for a feature that this engine does not have."""
        value = self.config.get(key)
        if value is not None and value not in allowed:
            self.faults.append(f"config.json: {key} = {value!r} is not supported")

    def rope(self, context: int) -> Rope:
        """Reads `rope_parameters` (new) or `rope_theta` with `rope_scaling` (old)."""
        new = self.config.get("rope_parameters")
        theta = self.config.get("rope_theta", 10000.0)
        values = dict(new or self.config.get("rope_scaling") or {})
        if any(isinstance(value, Mapping) for value in values.values()):
            self.faults.append("config.json: rope_parameters a layer type are not supported")
            values = {}
        theta = values.get("rope_theta", theta)
        kind = values.get("rope_type", values.get("type", "default")) or "default"
        for holder in (values, self.config):
            if holder.get("partial_rotary_factor") not in (None, 1, 1.0):
                self.faults.append("config.json: partial_rotary_factor is not supported")
        if kind not in ("default", "linear", "llama3", "yarn"):
            self.faults.append(
                f"config.json: rope_type {kind!r} is not supported (default, linear, llama3, yarn)"
            )
            kind = "default"
        try:
            return _rope(kind, float(theta), values, context)
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            self.faults.append(f"config.json: rope_type {kind!r} lacks or misstates {error}")
            return Rope(10000.0)

    def windows(self, layers: int) -> tuple[int | None, ...]:
        """Sliding windows of the Qwen families: only where `use_sliding_window` says so."""
        window = (
            self.config.get("sliding_window") if self.flag("use_sliding_window", False) else None
        )
        kinds = self.config.get("layer_types")
        if kinds is None:
            first = self.config.get("max_window_layers", 28)
            kinds = ["sliding_attention" if i >= first else "full_attention" for i in range(layers)]
        unknown = sorted(set(kinds) - {"sliding_attention", "full_attention"})
        if unknown or len(kinds) != layers:
            self.faults.append(f"config.json: layer_types {unknown or len(kinds)} not supported")
            return (None,) * layers
        return tuple(window if kind == "sliding_attention" else None for kind in kinds)


def _rope(kind: Any, theta: float, values: Mapping[str, Any], context: int) -> Rope:
    if kind == "default":
        return Rope(theta)
    if kind == "linear":
        return Rope(theta, "linear", factor=float(values["factor"]))
    if kind == "llama3":
        return Rope(
            theta,
            "llama3",
            factor=float(values["factor"]),
            low_freq_factor=float(values["low_freq_factor"]),
            high_freq_factor=float(values["high_freq_factor"]),
            original_context=int(values["original_max_position_embeddings"]),
        )
    original = int(values.get("original_max_position_embeddings") or context)
    factor = float(values.get("factor") or context / original)
    attention = values.get("attention_factor")
    if attention is None:
        # arXiv 2309.00071, equation 22; DeepSeek's variant divides two such factors.
        def magnitude(weight: float) -> float:
            return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0

        own, all_dims = values.get("mscale"), values.get("mscale_all_dim")
        attention = magnitude(own) / magnitude(all_dims) if own and all_dims else magnitude(1.0)
    return Rope(
        theta,
        "yarn",
        factor=factor,
        original_context=original,
        attention_factor=float(attention),
        beta_fast=float(values.get("beta_fast") or 32),
        beta_slow=float(values.get("beta_slow") or 1),
        truncate=bool(values.get("truncate", True)),
    )


@dataclass(frozen=True, slots=True)
class Adapter:
    """One model family."""

    model_type: str
    read: Callable[[ConfigReader], Architecture]
    names: Mapping[str, str]  # our name of a module (layer's modules without prefix) -> theirs

    def name(self, ours: str) -> str:
        """The Hugging Face name of one of `weight_shapes`."""
        if ours == "embedding":
            return "model.embed_tokens.weight"
        if ours == "output":
            return "lm_head.weight"
        module, kind = ours.rsplit(".", 1)
        if module == "norm":
            return f"model.norm.{kind}"
        _, index, part = module.split(".")
        return f"model.layers.{index}.{self.names[part]}.{kind}"


ATTENTION_NAMES = {
    "attention_norm": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
    "mlp_norm": "post_attention_layernorm",
}
GATED_NAMES = ATTENTION_NAMES | {
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}


def gated_decoder(
    reader: ConfigReader,
    family: str,
    *,
    context: int,
    qkv_bias: bool,
    output_bias: bool,
    windows: Callable[[int], tuple[int | None, ...]],
    kv_heads: int | None = None,
    head_dim: int | None = None,
    mlp_bias: bool = False,
    qk_norm: bool = False,
) -> Architecture:
    """The shape that llama, mistral and both Qwen share: RMSNorm and a gated MLP.

    context, kv_heads, head_dim: the family's default where config.json says nothing; None
    derives them as heads and hidden / heads.
    """
    hidden, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    layers = reader.integer("num_hidden_layers")
    positions = reader.integer("max_position_embeddings", context)
    if head_dim is None:
        head_dim = max(hidden // heads, 1)
    return Architecture(
        family=family,
        vocab_size=reader.integer("vocab_size"),
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=reader.integer("num_key_value_heads", kv_heads or heads),
        head_dim=reader.integer("head_dim", head_dim),
        intermediate=reader.integer("intermediate_size"),
        context=positions,
        norm="rms",
        norm_eps=reader.number("rms_norm_eps", 1e-6),
        mlp="gated",
        activation=reader.activation("silu"),
        rope=reader.rope(positions),
        qkv_bias=qkv_bias,
        output_bias=output_bias,
        mlp_bias=mlp_bias,
        qk_norm=qk_norm,
        tied=reader.flag("tie_word_embeddings", False),
        windows=windows(layers),
    )
