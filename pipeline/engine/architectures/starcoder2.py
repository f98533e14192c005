"""starcoder2: LayerNorm with bias, plain MLP, tied embeddings, a window on every layer."""

from __future__ import annotations

from pipeline.engine.architecture import Architecture
from pipeline.engine.architectures.adapter import ATTENTION_NAMES, Adapter, ConfigReader


def _read(reader: ConfigReader) -> Architecture:
    bias = reader.flag("use_bias", True)
    hidden, heads = reader.integer("hidden_size"), reader.integer("num_attention_heads")
    layers = reader.integer("num_hidden_layers")
    context = reader.integer("max_position_embeddings", 4096)
    reader.refuse("norm_type", "layer_norm")
    reader.refuse("mlp_type", "default")
    return Architecture(
        family="starcoder2",
        vocab_size=reader.integer("vocab_size"),
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=reader.integer("num_key_value_heads", 2),
        head_dim=reader.integer("head_dim", max(hidden // heads, 1)),
        intermediate=reader.integer("intermediate_size"),
        context=context,
        norm="layer",
        norm_eps=reader.number("norm_epsilon", 1e-5),
        mlp="plain",
        activation=reader.activation("gelu_pytorch_tanh"),
        rope=reader.rope(context),
        qkv_bias=bias,
        output_bias=bias,
        mlp_bias=bias,
        qk_norm=False,
        tied=reader.flag("tie_word_embeddings", True),
        windows=(reader.config.get("sliding_window"),) * layers,
    )


STARCODER2 = Adapter(
    "starcoder2", _read, ATTENTION_NAMES | {"up": "mlp.c_fc", "down": "mlp.c_proj"}
)
