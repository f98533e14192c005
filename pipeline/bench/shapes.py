"""Models by their published shapes; the weights are random."""

from __future__ import annotations

from typing import Any

from pipeline.engine.architecture import Architecture
from pipeline.engine.architectures import ADAPTERS, ConfigReader

# Keys of config.json. The context is as long as the longest case; no row has a sliding window.
SHAPES: dict[str, dict[str, Any]] = {
    "Llama-2-7B": {
        "model_type": "llama", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
        "max_position_embeddings": 40960, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
    },
    "Mistral-7B": {
        "model_type": "mistral", "vocab_size": 32000, "hidden_size": 4096,
        "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "max_position_embeddings": 40960, "rms_norm_eps": 1e-5,
        "sliding_window": None, "tie_word_embeddings": False,
    },
    "Qwen2.5-Coder-1.5B": {
        "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960,
        "num_hidden_layers": 28, "num_attention_heads": 12, "num_key_value_heads": 2,
        "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
        "use_sliding_window": False, "tie_word_embeddings": True,
    },
    "Tiny": {
        "model_type": "llama", "vocab_size": 512, "hidden_size": 64, "intermediate_size": 160,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
    },
}  # fmt: skip


def architecture(shape: str) -> Architecture:
    """The decoder of one of SHAPES."""
    config = SHAPES[shape]
    return ADAPTERS[config["model_type"]].read(ConfigReader(config))
