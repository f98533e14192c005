"""Seconds until an engine is ready: `python -m pipeline.bench.ready`.

A checkpoint of random weights is written, then opened as any other, from files in memory.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from kernels.prefix_tree_attention.bench.record import words
from pipeline.bench.decode_step import synchronize
from pipeline.bench.random_weights import write_checkpoint
from pipeline.bench.results import FOLDER, Results
from pipeline.bench.shapes import SHAPES
from pipeline.bench.steps import emptied
from pipeline.bench.words import text
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.engine import Engine
from pipeline.records import ProblemKey

PROMPT, NEW = 512, 128  # tokens of the prompt, and of each sample


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.bench.ready")
    parser.add_argument("--shape", choices=list(SHAPES), default="Mistral-7B")
    parser.add_argument("--rows", type=int, default=256, help="samples, all of them at once")
    parser.add_argument("--out", type=Path, default=FOLDER, help="directory of the JSON")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("the bench needs an NVIDIA GPU", file=sys.stderr)
        return 2
    device = torch.device("cuda", torch.cuda.current_device())
    command = ["python", "-m", "pipeline.bench.ready", *words()]
    results = Results(options.out, f"ready-{options.shape}", shlex.join(command), device)
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder)
        write_checkpoint(checkpoint, options.shape, torch.bfloat16, device)
        emptied()
        for note in ("kernels compiled meanwhile", "kernels compiled before"):
            results.add({"note": note, "samples": options.rows} | _ready(checkpoint, options.rows))
            emptied()
    print(f"written: {results.path}")
    return 0


def _ready(checkpoint: Path, rows: int) -> dict[str, float]:
    """Seconds of reading the weights, of the graphs, and until the first sample has ended."""
    start = time.perf_counter()
    engine = Engine(
        ModelConfig.model_validate({"path": str(checkpoint), "dtype": "bfloat16"}),
        EngineConfig(deterministic=False, max_rows=rows),
        SamplingConfig(n=rows, max_new_tokens=NEW, temperature=0.8, top_p=0.95),
    )
    synchronize(engine.decoder.device)
    loaded = time.perf_counter() - start
    words_ = text(PROMPT, engine.checkpoint.architecture.vocab_size, 0)
    prompt = engine.prompt(ProblemKey("bench", "python", "0"), words_, tuple(range(rows)))
    drawn = sum(1 for _ in engine.sequences([prompt]))
    if drawn != rows:
        raise RuntimeError(f"{drawn} samples, not {rows}")
    return {
        "load_seconds": round(loaded, 2),
        "graphs": engine.graphs.ahead,
        "graphs_seconds": round(engine.graphs.ahead_seconds, 2),
        "late_graphs": engine.graphs.late,
        "all_seconds": round(time.perf_counter() - start, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
