"""Command line of the bench: `python -m kernels.tree_prefill.bench`.

Without a word it prints times beside PyTorch's; `tune` prints those of many tiles.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch
import triton

from kernels.prefix_tree_attention.bench.floors import matrix_rate
from kernels.prefix_tree_attention.bench.timing import Replay
from kernels.tree_prefill.attention import Tiles, tiles_for
from kernels.tree_prefill.bench.cases import BACKENDS, DIM, Pass, cases

RESULTS = Path(__file__).resolve().parents[1] / "results"
TRIED = [
    Tiles(tile, block, stages, warps)
    for (tile, warps), block, stages in itertools.product(
        ((64, 4), (128, 8)), (32, 64, 128), (2, 3, 4)
    )
]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernels.tree_prefill.bench")
    parser.add_argument("what", nargs="?", choices=["times", "tune"], default="times")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--out", type=Path, default=RESULTS, help="directory of the JSON")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("the bench needs an NVIDIA GPU", file=sys.stderr)
        return 2
    device = torch.device("cuda")
    rate = matrix_rate(device)
    print(f"{torch.cuda.get_device_name()}: matrix product {rate / 1e12:.0f} TFLOP/s")
    chosen = [Pass(case, device) for case in cases() if options.only in case.name]
    if options.what == "tune":
        for one in chosen:
            _tuned(one)
        return 0
    name = torch.cuda.get_device_name().replace(" ", "-")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{name}.json"
    found = {**_machine(rate), "cases": [_timed(one, rate) for one in chosen]}
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written: {path}")
    return 0


def _timed(one: Pass, rate: float) -> dict[str, Any]:
    tiles = tiles_for(DIM, torch.bfloat16)
    start = time.perf_counter()
    one.plan(tiles)
    planned = time.perf_counter() - start
    us = Replay([one.call(tiles)]).short()
    row: dict[str, Any] = {
        "case": one.case.name, "operations": one.case.operations,
        "floor_us": round(one.case.operations / rate * 1e6, 1), "us": round(us, 1),
        "tflops": round(one.case.operations / us / 1e6), "plan_ms": round(planned * 1e3, 2),
        "contenders_us": {
            name: round(Replay([one.contender(name)]).short(), 1)
            for name in (BACKENDS if one.case.square else ())
        },
    }  # fmt: skip
    print({key: row[key] for key in row if key != "operations"}, flush=True)
    return row


def _tuned(one: Pass) -> None:
    times = []
    for tiles in TRIED:
        try:
            times.append((Replay([one.call(tiles)]).short(1), tiles))
        except triton.OutOfResources:
            continue  # too much shared memory
    times.sort(key=lambda found: found[0])
    print(one.case.name, *(f"{us:.1f} us: {tiles};" for us, tiles in times[:4]), flush=True)


def _machine(rate: float) -> dict[str, Any]:
    return {
        "command": "python -m kernels.tree_prefill.bench",
        "device": torch.cuda.get_device_name(), "torch": torch.__version__,
        "triton": triton.__version__, "cuda": torch.version.cuda,
        "python": platform.python_version(), "date": datetime.date.today().isoformat(),
        "matrix_tflops": round(rate / 1e12, 1),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
