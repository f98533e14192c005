"""Command line of the bench: `python -m kernels.tree_prefill.bench`.

Without a word it prints times beside PyTorch's; `tune` prints those of many tiles.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
import triton

from kernels.prefix_tree_attention.bench.floors import Floors
from kernels.prefix_tree_attention.bench.record import head
from kernels.prefix_tree_attention.bench.timing import Replay
from kernels.tree_prefill.attention import Tiles, tiles_for
from kernels.tree_prefill.bench.cases import BACKENDS, DIM, Pass, cases

RESULTS = Path(__file__).resolve().parents[1] / "results"
PLANS = 10
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
    chosen = [Pass(case, device) for case in cases() if options.only in case.name]
    if options.what == "tune":
        for one in chosen:
            _tuned(one)
        return 0
    floors = Floors(device)
    torch.cuda.empty_cache()
    name = torch.cuda.get_device_name().replace(" ", "-")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{name}.json"
    found = {
        **head("kernels.tree_prefill.bench", floors),
        "cases": [_timed(one, floors) for one in chosen],
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"written: {path}")
    return 0


def _timed(one: Pass, floors: Floors) -> dict[str, Any]:
    case = one.case
    operations = case.operations / floors.operations_per_second * 1e6
    floor = max(operations, floors.memory_us(case.bytes))
    tiles = tiles_for(DIM, torch.bfloat16)
    us = Replay([one.call(tiles)]).short()
    start = time.perf_counter()
    for _ in range(PLANS):
        one.plan(tiles)
    planned = (time.perf_counter() - start) / PLANS
    row: dict[str, Any] = {
        "case": case.name, "operations": case.operations, "bytes": case.bytes,
        "floor_us": round(floor, 1), "us": round(us, 1), "times_floor": round(us / floor, 2),
        "tflops": round(case.operations / us / 1e6), "plan_ms": round(planned * 1e3, 2),
        "contenders_us": {
            name: round(Replay([one.contender(name)]).short(), 1)
            for name in (BACKENDS if case.square else ())
        },
    }  # fmt: skip
    print({key: row[key] for key in row if key not in ("operations", "bytes")}, flush=True)
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


if __name__ == "__main__":
    sys.exit(main())
