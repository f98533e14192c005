"""What a decoder is made of, independent of how a model family writes it down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Rope:
    """Rotary position embedding. Frequencies: RoFormer, arXiv 2104.09864, and its scalings."""

    theta: float
    kind: Literal["default", "linear", "llama3", "yarn"] = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0  # llama3
    high_freq_factor: float = 4.0  # llama3
    original_context: int = 8192  # llama3, yarn: positions the model was first trained on
    attention_factor: float = 1.0  # yarn: multiplies cos and sin
    beta_fast: float = 32.0  # yarn
    beta_slow: float = 1.0  # yarn
    truncate: bool = True  # yarn: round the corrected range outwards to whole dimensions

    def frequencies(self, dim: int) -> Tensor:
        """Radians a position of each pair of dimensions: [dim/2] float32."""
        exponents = torch.arange(0, dim, 2, dtype=torch.int64).float() / dim
        plain = 1.0 / (self.theta**exponents)
        if self.kind == "linear":
            return plain / self.factor
        if self.kind == "llama3":
            return self._llama3(plain)
        if self.kind == "yarn":
            return self._yarn(plain, dim)
        return plain

    def _llama3(self, plain: Tensor) -> Tensor:
        # Llama 3.1 (arXiv 2407.21783, section 3.4.2): long wavelengths are stretched by the
        # factor, short ones kept, those between interpolated.
        wavelength = 2 * math.pi / plain
        longest = self.original_context / self.low_freq_factor
        shortest = self.original_context / self.high_freq_factor
        blend = (self.original_context / wavelength - self.low_freq_factor) / (
            self.high_freq_factor - self.low_freq_factor
        )
        between = (1 - blend) * plain / self.factor + blend * plain
        scaled = torch.where(wavelength > longest, plain / self.factor, plain)
        return torch.where((wavelength >= shortest) & (wavelength <= longest), between, scaled)

    def _yarn(self, plain: Tensor, dim: int) -> Tensor:
        # YaRN (arXiv 2309.00071, section 3.2): dimensions that turn fewer than beta_slow times
        # over the original context are interpolated, those above beta_fast are kept.
        def dimension(turns: float) -> float:
            return (
                dim
                * math.log(self.original_context / (turns * 2 * math.pi))
                / (2 * math.log(self.theta))
            )

        low, high = dimension(self.beta_fast), dimension(self.beta_slow)
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, dim - 1)
        width = (high - low) or 0.001
        ramp = ((torch.arange(dim // 2, dtype=torch.float32) - low) / width).clamp(0, 1)
        return plain / self.factor * ramp + plain * (1 - ramp)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A decoder-only transformer in full; every family's config becomes one of these."""

    family: str
    vocab_size: int  # rows of the embedding, padding included
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    context: int  # positions the model was made for
    norm: Literal["rms", "layer"]
    norm_eps: float
    mlp: Literal["gated", "plain"]
    activation: Literal["silu", "gelu", "gelu_tanh"]
    rope: Rope
    qkv_bias: bool
    output_bias: bool
    mlp_bias: bool
    qk_norm: bool  # RMSNorm of each query and key head before the rotary embedding
    tied: bool  # the embedding is also the output projection
    windows: tuple[int | None, ...]  # sliding window of each layer; None sees all

    @property
    def scale(self) -> float:
        return float(self.head_dim**-0.5)

    @property
    def norm_bias(self) -> bool:
        return self.norm == "layer"
