"""Tokens a second of the engine beside transformers' `generate`, on one random checkpoint.

`python -m tests.engine_speed [--rows 64] [--threads 1]`; prints one JSON object. Both draw the same
number of samples of the same prompts at temperature 0.8; `generate` takes one prompt a batch,
because its prompts differ in length and padding them would only slow it down.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.records import ProblemKey
from pipeline.services import CompletionRequest
from tests.unit.engine.checkpoints import write_checkpoint

SHAPE = {
    "vocab_size": 1536, "hidden_size": 256, "intermediate_size": 608, "num_hidden_layers": 5,
    "num_attention_heads": 8, "num_key_value_heads": 4, "tie_word_embeddings": True,
    "max_position_embeddings": 1024, "eos_token_id": None,
}  # fmt: skip

PROMPT = '"""Return the sum of the first {n} numbers that {n} and {m} both divide."""\n'


def prompts(count: int) -> list[str]:
    return [f"def f{i}(a, b):\n    {PROMPT.format(n=i + 2, m=3 * i + 5)}" for i in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--problems", type=int, default=6)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = write_checkpoint(Path(folder), "llama", **SHAPE)
        for deterministic in (True, False):
            completer = EngineCompleter(
                ModelConfig(path=folder, device="cpu"),
                EngineConfig(max_rows=args.rows, threads=args.threads, deterministic=deterministic),
                SamplingConfig(n=args.samples, max_new_tokens=args.tokens, temperature=0.8),
            )
            requests = [
                CompletionRequest(
                    ProblemKey("speed", "python", str(i)), text, tuple(range(args.samples)), ()
                )
                for i, text in enumerate(prompts(args.problems))
            ]
            list(completer.complete(requests[:1]))
            start = time.perf_counter()
            tokens = sum(c.call.generated_tokens for c in completer.complete(requests))
            name = "deterministic" if deterministic else "relaxed"
            figures[name] = tokens / (time.perf_counter() - start)
        start, tokens = time.perf_counter(), 0
        for request in requests:
            ids = torch.tensor([completer.engine.tokenizer.encode(request.prompt)])
            output = model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=0.8, top_k=0,
                num_return_sequences=args.samples, max_new_tokens=args.tokens, pad_token_id=0,
            )  # fmt: skip
            tokens += output.shape[0] * (output.shape[1] - ids.shape[1])
        figures["transformers"] = tokens / (time.perf_counter() - start)
    print(json.dumps(vars(args) | {name: round(value) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
