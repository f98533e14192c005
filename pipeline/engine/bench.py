"""Tokens a second of the engine on one checkpoint: `python -m pipeline.engine.bench`.

Samples of a few prompts are drawn with stop strings off. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time

from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.engine import Engine
from pipeline.records import ProblemKey

PROMPT = '"""Return the sum of the first {n} numbers that {n} and {m} both divide."""\n'


def prompts(count: int) -> list[str]:
    return [f"def f{i}(a, b):\n    {PROMPT.format(n=i + 2, m=3 * i + 5)}" for i in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--relaxed", action="store_true", help="not deterministic")
    args = parser.parse_args()
    engine = Engine(
        ModelConfig(path=args.model, device=args.device, dtype=args.dtype),
        EngineConfig(max_rows=args.rows, threads=args.threads, deterministic=not args.relaxed),
        SamplingConfig(n=args.samples, max_new_tokens=args.tokens),
    )
    samples = tuple(range(args.samples))
    wanted = [
        engine.prompt(ProblemKey("bench", "python", str(i)), text, samples)
        for i, text in enumerate(prompts(args.problems))
    ]
    for _ in engine.sequences(wanted[:1]):  # reads the weights, warms up
        pass
    start = time.perf_counter()
    tokens = sum(sequence.generated for sequence in engine.sequences(wanted))
    seconds = time.perf_counter() - start
    result = {"tokens": tokens, "seconds": round(seconds, 3), "tokens_per_second": tokens / seconds}
    print(json.dumps(vars(args) | result | engine.environment(), indent=2))


if __name__ == "__main__":
    main()
