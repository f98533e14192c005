"""Our top-level names live beside other people's distributions of the same name."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys


def test_transformers_imports_beside_us() -> None:
    """`kernels` is also a hub library that transformers looks for; ours must not confuse it."""
    code = (
        "import kernels, pipeline.records, transformers;"
        "from transformers import LlamaConfig, LlamaForCausalLM;"
        "LlamaForCausalLM(LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1,"
        " num_attention_heads=1, vocab_size=8));"
        "print(kernels.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "prefix_tree_attention" not in done.stderr


def test_version_is_a_date() -> None:
    year, month, *_ = importlib.metadata.version("forkeval").split(".")
    assert int(year) >= 2026
    assert 1 <= int(month) <= 12
