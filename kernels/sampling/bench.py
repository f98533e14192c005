"""Speed of a draw beside reading its logits once: `python -m kernels.sampling.bench`.

Two kinds of bf16 logits: peaked, as a trained model's (most of the mass on a few hundred tokens),
and flat, as random weights give. JSON goes into `results` beside this file.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kernels.prefix_tree_attention.bench.cases import COLD_BYTES
from kernels.prefix_tree_attention.bench.floors import Floors
from kernels.prefix_tree_attention.bench.record import head
from kernels.prefix_tree_attention.bench.timing import Replay
from kernels.sampling.draw import Filters, draw_tokens

RESULTS = Path(__file__).resolve().parent / "results"
FILTERS = {
    "temperature": Filters(0.8, None, None, None, None),
    "top-p": Filters(0.8, None, 0.95, None, None),
    "top-k": Filters(0.8, 50, None, None, None),
    "min-p": Filters(0.8, None, None, 0.05, None),
    "greedy": Filters(0.0, None, None, None, None),
}
SPREAD = {"peaked": 4.5, "flat": 1.0}  # standard deviation of the logits


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernels.sampling.bench")
    parser.add_argument("--out", type=Path, default=RESULTS, help="directory of the JSON")
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 16, 64, 256, 1024, 4096])
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("the bench needs an NVIDIA GPU", file=sys.stderr)
        return 2
    floors = Floors(torch.device("cuda"))
    torch.cuda.empty_cache()
    cases: list[dict[str, Any]] = []
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{torch.cuda.get_device_name().replace(' ', '-')}.json"
    about = head("kernels.sampling.bench", floors)
    for vocabulary in (151_936, 32_000):
        for rows in options.rows:
            for kind, spread in SPREAD.items():
                inputs = _inputs(rows, vocabulary, spread)
                floor = floors.memory_us(rows * vocabulary * 2)
                for name, filters in FILTERS.items():
                    us = Replay([_call(x, filters) for x in inputs]).short(1)
                    cases.append({
                        "vocabulary": vocabulary, "rows": rows, "logits": kind, "filter": name,
                        "floor_us": round(floor, 1), "us": round(us, 1),
                        "times_floor": round(us / floor, 2),
                    })  # fmt: skip
                    print(json.dumps(cases[-1]), flush=True)
                    path.write_text(json.dumps({**about, "cases": cases}, indent=1) + "\n")
                del inputs
                torch.cuda.empty_cache()
    return 0


def _inputs(rows: int, vocabulary: int, spread: float) -> list[Tensor]:
    """Copies enough that no cache holds one when its turn comes."""
    copies = min(COLD_BYTES // (rows * vocabulary * 2) + 1, 32)
    shape = (rows, vocabulary)
    return [spread * torch.randn(shape, dtype=torch.bfloat16, device="cuda") for _ in range(copies)]


def _call(logits: Tensor, filters: Filters) -> Callable[[], object]:
    rows = torch.arange(len(logits), device="cuda")
    streams = torch.randint(0, 2**32, (len(logits), 4), device="cuda")
    return lambda: draw_tokens(logits, rows, streams, rows, filters, 0)


if __name__ == "__main__":
    sys.exit(main())
