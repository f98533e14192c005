"""Random checkpoints as transformers writes them: the oracle of the engine's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import AutoConfig, AutoModelForCausalLM

CORPUS = """def add(a, b):
    \"\"\"Return the sum of a and b.\"\"\"
    return a + b

class Counter:
    def __init__(self):
        self.total = 0
    def update(self, value):
        self.total += value
        return self.total
print(add(1, 2)) # three, drei, \u4e09, \u00e9t\u00e9
for i in range(10):
    if i % 2 == 0:
        print(i)
"""

SMALL: dict[str, Any] = {
    "vocab_size": 384,  # the tokenizer has fewer: the rest is padding
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "bos_token_id": 0,
    "eos_token_id": [1],
}

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"model_type": "llama"},
    "llama-linear": {
        "model_type": "llama",
        "attention_bias": True,
        "mlp_bias": True,
        "rope_scaling": {"type": "linear", "factor": 4.0},
        "rope_theta": 100000.0,
    },
    "llama-llama3": {
        "model_type": "llama",
        "num_key_value_heads": 1,
        "head_dim": 32,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "llama-yarn": {
        "model_type": "llama",
        "num_key_value_heads": 4,
        "rope_parameters": {
            "rope_type": "yarn",
            "rope_theta": 10000.0,
            "factor": 4.0,
            "original_max_position_embeddings": 512,
        },
    },
    "mistral": {"model_type": "mistral", "sliding_window": 48},
    "qwen2": {"model_type": "qwen2", "tie_word_embeddings": True, "sliding_window": 8},
    "qwen2-window": {
        "model_type": "qwen2",
        "use_sliding_window": True,
        "sliding_window": 40,
        "max_window_layers": 1,
    },
    "qwen3": {"model_type": "qwen3", "head_dim": 32},
    "starcoder2": {
        "model_type": "starcoder2",
        "sliding_window": 70,
        "norm_epsilon": 1e-5,
    },
}


def write_tokenizer(folder: Path, size: int = 352) -> None:
    """A byte-level BPE tokenizer trained on a few lines; 0 begins, 1 ends a sequence."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=["<bos>", "<eos>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([CORPUS], trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": "<bos>", "eos_token": "<eos>", "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def write_checkpoint(folder: Path, name: str = "llama", **overrides: Any) -> Any:
    """Writes a checkpoint of one of FAMILIES; returns the transformers model (float32)."""
    shard = overrides.pop("max_shard_size", "5GB")
    values = SMALL | FAMILIES[name] | overrides
    torch.manual_seed(hash_of(name))
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(**values), attn_implementation="eager"
    ).float()
    with torch.no_grad():
        for parameter in model.parameters():
            # Large enough that the distributions are far from uniform, biases and norms not trivial
            parameter.add_(torch.randn_like(parameter) * 0.08)
    model.eval()
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, max_shard_size=shard)
    write_tokenizer(folder)
    return model


def hash_of(name: str) -> int:
    return sum(ord(c) * (i + 1) for i, c in enumerate(name))
