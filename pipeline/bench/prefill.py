"""Whole-model prefill by tokens a pass, bf16: `python -m pipeline.bench.prefill`.

Prompts go through the scheduler, of each one token is drawn and nothing is decoded.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.floors import matrix_rate
from kernels.prefix_tree_attention.bench.record import words
from pipeline.bench.decode_step import synchronize, token_bytes
from pipeline.bench.random_weights import RandomCheckpoint, random_checkpoint
from pipeline.bench.results import FOLDER, Results
from pipeline.bench.shapes import SHAPES
from pipeline.bench.steps import emptied
from pipeline.bench.words import text
from pipeline.bench.workloads import humaneval
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.engine import Engine
from pipeline.engine.ledger import Flops
from pipeline.records import EngineStep, ProblemKey

CHUNKS = (512, 1024, 2048, 4096, 8192, 16384)
PROMPTS = {"1 of 8,192 tokens": (8192,), "164 as long as HumanEval's": humaneval().prompts}
TIMES = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.bench.prefill")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=["Llama-2-7B"])
    parser.add_argument("--chunks", nargs="+", type=int, default=CHUNKS)
    parser.add_argument("--deterministic", action="store_true")
    parser.add_argument("--out", type=Path, default=FOLDER, help="directory of the JSON")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("the bench needs an NVIDIA GPU", file=sys.stderr)
        return 2
    device = torch.device("cuda", torch.cuda.current_device())
    rate = matrix_rate(device)
    mode = "-deterministic" if options.deterministic else ""
    command = ["python", "-m", "pipeline.bench.prefill", *words()]
    for shape in options.shapes:
        results = Results(options.out, f"prefill-{shape}{mode}", shlex.join(command), device)
        results.note(matrix_tflops=round(rate / 1e12, 1))
        with random_checkpoint(shape) as checkpoint:
            for name, lengths in PROMPTS.items():
                for chunk in options.chunks:
                    engine = _engine(checkpoint, lengths, chunk, options.deterministic)
                    results.add(
                        {"prompts": name, "chunk": chunk} | _measured(engine, lengths, rate)
                    )
                    del engine
                    emptied()
        print(f"written: {results.path}")
    return 0


def _engine(
    checkpoint: RandomCheckpoint, lengths: tuple[int, ...], chunk: int, deterministic: bool
) -> Engine:
    page = EngineConfig().page_size
    slots = sum(-(-n // page) * page for n in lengths) + 2 * page
    return Engine(
        ModelConfig.model_validate(
            {"path": str(checkpoint.path), "device": "cuda", "dtype": "bfloat16"}
        ),
        EngineConfig(
            deterministic=deterministic, max_rows=len(lengths), prefill_chunk=chunk,
            kv_memory_gib=slots * token_bytes(checkpoint.architecture, "bfloat16") / 2**30,
        ),
        SamplingConfig(n=1, max_new_tokens=1),
        checkpoint,
    )  # fmt: skip


def _measured(engine: Engine, lengths: tuple[int, ...], rate: float) -> dict[str, Any]:
    """Medians: time of the passes by events (`ms`), from start to end by the clock (`wall_ms`), of
    the floor (operations at the rate of a large product) over the first."""
    found = [_once(engine, lengths, seed) for seed in range(1 + TIMES)][1:]  # the first compiles
    ms, wall, passes = (statistics.median(values) for values in zip(*found, strict=True))
    flops = Flops(engine.checkpoint.architecture)
    floor = sum(flops.prompt(n) for n in lengths) / rate * 1e3
    return {
        "tokens": sum(lengths), "passes": passes, "floor_ms": round(floor, 2),
        "ms": round(ms, 2), "wall_ms": round(wall, 2), "times_floor": round(ms / floor, 2),
    }  # fmt: skip


def _once(engine: Engine, lengths: tuple[int, ...], seed: int) -> tuple[float, float, int]:
    vocabulary = engine.checkpoint.architecture.vocab_size
    prompts = [
        engine.prompt(
            ProblemKey("bench", "python", str(i)),
            text(n, vocabulary, seed * len(lengths) + i),
            (0,),
        )
        for i, n in enumerate(lengths)
    ]
    engine.timer.take()
    synchronize(engine.device)
    start = time.perf_counter()
    drawn = list(engine.sequences(prompts))
    synchronize(engine.device)
    seconds = time.perf_counter() - start
    if len(drawn) != len(lengths):
        raise RuntimeError(f"{len(drawn)} samples, not {len(lengths)}")
    passes = [
        row for row in engine.timer.take() if isinstance(row, EngineStep) and row.kind == "prefill"
    ]
    return sum(p.m_seconds for p in passes) * 1e3, seconds * 1e3, sum(p.steps for p in passes)


if __name__ == "__main__":
    sys.exit(main())
