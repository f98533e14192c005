"""transformers' `generate` on a checkpoint: what most people would run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from pipeline.bench.decode_step import synchronize
from pipeline.bench.words import text


def generate_speed(
    checkpoint: Path, vocab_size: int, prompt: int, samples: int, new: int, device: torch.device
) -> dict[str, Any]:
    """Samples of one prompt, all of one length: milliseconds a step, prefill included, and tokens
    a second. The second of two calls."""
    import transformers
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    ids = torch.tensor([tokenizer.encode(text(prompt, vocab_size, 0)).ids], device=device)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.bfloat16)
    model = model.to(device)
    seconds = 0.0
    for _ in range(2):
        synchronize(device)
        start = time.perf_counter()
        output = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.8, top_p=0.95,
            top_k=0, num_return_sequences=samples, min_new_tokens=new, max_new_tokens=new,
            pad_token_id=0,
        )  # fmt: skip
        synchronize(device)
        seconds = time.perf_counter() - start
    if output.shape != (samples, ids.shape[1] + new):
        raise RuntimeError(f"generate gave {tuple(output.shape)}")
    return {
        "peer": f"transformers {transformers.__version__} generate",
        "samples": samples, "new_tokens": new, "ms": round(seconds / new * 1e3, 3),
        "tokens_per_second": round(samples * new / seconds),
    }  # fmt: skip
