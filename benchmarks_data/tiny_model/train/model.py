"""A small llama in plain PyTorch whose parameter names are Hugging Face's.

Llama 2 (arXiv:2307.09288): pre-norm RMSNorm, rotary positions, grouped-query attention, SwiGLU;
embeddings tied with the output.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from . import tokenization


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The sizes of the bundled model; its weights in bfloat16 stay under 8 MB."""

    vocabulary: int = tokenization.VOCABULARY
    hidden: int = 256
    layers: int = 5
    heads: int = 8
    kv_heads: int = 4
    intermediate: int = 608
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    positions: int = 1024

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    def to_hugging_face(self) -> dict[str, object]:
        """The ``config.json`` of a ``LlamaForCausalLM``."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": self.positions,
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": None,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": True,
            "initializer_range": 0.02,
            "bos_token_id": tokenization.BOS_ID,
            "eos_token_id": tokenization.EOS_ID,
            "pad_token_id": tokenization.PAD_ID,
            "torch_dtype": "bfloat16",
            "use_cache": True,
        }


def rotary(positions: Tensor, config: ModelConfig) -> tuple[Tensor, Tensor]:
    """cos and sin, float32 [..., head_dim], for integer ``positions`` [...]."""
    exponents = torch.arange(0, config.head_dim, 2, device=positions.device).float()
    frequencies = config.rope_theta ** (-exponents / config.head_dim)
    angles = positions.float()[..., None] * frequencies
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to x [batch, length, heads, head_dim]."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos[..., None, :].to(x.dtype) + turned * sin[..., None, :].to(x.dtype)


class Attention(nn.Module):
    """Grouped-query attention; ``project`` is shared by training and by the sampler's cache."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.head_dim
        self.q_proj = nn.Linear(config.hidden, config.heads * width, bias=False)
        self.k_proj = nn.Linear(config.hidden, config.kv_heads * width, bias=False)
        self.v_proj = nn.Linear(config.hidden, config.kv_heads * width, bias=False)
        self.o_proj = nn.Linear(config.heads * width, config.hidden, bias=False)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q [batch, length, heads, d], k and v [batch, length, kv_heads, d], rotated."""
        shape = (*x.shape[:2], -1, self.config.head_dim)
        q = rotate(self.q_proj(x).view(shape), cos, sin)
        k = rotate(self.k_proj(x).view(shape), cos, sin)
        return q, k, self.v_proj(x).view(shape)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Causal attention over the whole row: output, and k and v for a cache."""
        q, k, v = self.project(x, cos, sin)
        mixed = functional.scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            is_causal=True,
            enable_gqa=True,
        )
        return self.o_proj(mixed.transpose(1, 2).flatten(2)), k, v


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.up_proj = nn.Linear(config.hidden, config.intermediate, bias=False)
        self.down_proj = nn.Linear(config.intermediate, config.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return mixed


class Layer(nn.Module):
    """One decoder layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = nn.RMSNorm(config.hidden, eps=config.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden, eps=config.norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mixed, k, v = self.self_attn(self.input_layernorm(x), cos, sin)
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x)), k, v


class Decoder(nn.Module):
    """Embeddings, layers and the last norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden, eps=config.norm_eps)


class TinyLlama(nn.Module):
    """The language model; logits are float32."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = 0.02
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    scale /= (2 * config.layers) ** 0.5
                nn.init.normal_(parameter, std=scale)

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., hidden] to float32 [..., vocabulary] through the tied embedding."""
        out: Tensor = functional.linear(self.model.norm(hidden), self.model.embed_tokens.weight)
        return out.float()

    def forward(self, ids: Tensor) -> Tensor:
        """ids [batch, length] to the last hidden states [batch, length, hidden]."""
        positions = torch.arange(ids.shape[1], device=ids.device)
        cos, sin = rotary(positions, self.config)
        x: Tensor = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x, _, _ = layer(x, cos, sin)
        return x


def save(model: TinyLlama, directory: Path) -> None:
    """Write ``model.safetensors`` (bfloat16), ``config.json`` and ``generation_config.json``."""
    weights = {k: v.detach().to("cpu", torch.bfloat16) for k, v in model.state_dict().items()}
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    generation = {
        "bos_token_id": tokenization.BOS_ID,
        "eos_token_id": tokenization.EOS_ID,
        "pad_token_id": tokenization.PAD_ID,
    }
    for name, content in (
        ("config.json", model.config.to_hugging_face()),
        ("generation_config.json", generation),
    ):
        (directory / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load(directory: Path, device: str = "cpu") -> TinyLlama:
    """Read what :func:`save` wrote."""
    raw = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    config = ModelConfig(
        vocabulary=raw["vocab_size"],
        hidden=raw["hidden_size"],
        layers=raw["num_hidden_layers"],
        heads=raw["num_attention_heads"],
        kv_heads=raw["num_key_value_heads"],
        intermediate=raw["intermediate_size"],
        rope_theta=raw["rope_theta"],
        norm_eps=raw["rms_norm_eps"],
        positions=raw["max_position_embeddings"],
    )
    model = TinyLlama(config)
    model.load_state_dict(load_file(directory / "model.safetensors"))
    return model.to(device)
