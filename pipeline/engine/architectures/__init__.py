"""Model families: one adapter a family maps Hugging Face configs and weight names to ours.

To add a family, write a module with an `Adapter` and list it here.
"""

from __future__ import annotations

from pipeline.engine.architectures.adapter import Adapter, ConfigReader
from pipeline.engine.architectures.llama import LLAMA, MISTRAL
from pipeline.engine.architectures.qwen import QWEN2, QWEN3
from pipeline.engine.architectures.starcoder2 import STARCODER2

ADAPTERS: dict[str, Adapter] = {
    adapter.model_type: adapter for adapter in (LLAMA, MISTRAL, QWEN2, QWEN3, STARCODER2)
}

__all__ = ["ADAPTERS", "Adapter", "ConfigReader"]
