"""llama (Llama 2 and 3, CodeLlama, DeepSeek-Coder V1, Granite-Code) and mistral."""

from __future__ import annotations

from pipeline.engine.architecture import Architecture
from pipeline.engine.architectures.adapter import (
    GATED_NAMES,
    Adapter,
    ConfigReader,
    gated_decoder,
)


def _llama(reader: ConfigReader) -> Architecture:
    bias = reader.flag("attention_bias", False)
    return gated_decoder(
        reader,
        "llama",
        context=2048,
        qkv_bias=bias,
        output_bias=bias,
        mlp_bias=reader.flag("mlp_bias", False),
        windows=lambda layers: (None,) * layers,
    )


def _mistral(reader: ConfigReader) -> Architecture:
    window = reader.config.get("sliding_window", 4096)
    if reader.config.get("layer_types") is not None:
        reader.faults.append("config.json: layer_types of mistral are not supported")
    return gated_decoder(
        reader,
        "mistral",
        context=131072,
        kv_heads=8,
        qkv_bias=False,
        output_bias=False,
        windows=lambda layers: (window,) * layers,
    )


LLAMA = Adapter("llama", _llama, GATED_NAMES)
MISTRAL = Adapter("mistral", _mistral, GATED_NAMES)
