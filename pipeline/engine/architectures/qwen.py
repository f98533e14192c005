"""qwen2 (Qwen2.5-Coder) and qwen3."""

from __future__ import annotations

from pipeline.engine.architecture import Architecture
from pipeline.engine.architectures.adapter import (
    GATED_NAMES,
    Adapter,
    ConfigReader,
    gated_decoder,
)


def _qwen2(reader: ConfigReader) -> Architecture:
    return gated_decoder(
        reader,
        "qwen2",
        context=32768,
        qkv_bias=True,
        output_bias=False,
        windows=reader.windows,
    )


def _qwen3(reader: ConfigReader) -> Architecture:
    bias = reader.flag("attention_bias", False)
    return gated_decoder(
        reader,
        "qwen3",
        context=32768,
        head_dim=128,
        qkv_bias=bias,
        output_bias=bias,
        qk_norm=True,
        windows=reader.windows,
    )


QWEN2 = Adapter("qwen2", _qwen2, GATED_NAMES)
QWEN3 = Adapter("qwen3", _qwen3, GATED_NAMES)
