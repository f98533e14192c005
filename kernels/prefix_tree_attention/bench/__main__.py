"""Command line of the bench: `python -m kernels.prefix_tree_attention.bench`.

Without a word it prints times; `tune` measures every candidate and writes the table that choices
come from; `choices` prints what a step of each case would use here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.cases import CODE, DEEP, RAGGED, SHORT, UNIFORM, Step
from kernels.prefix_tree_attention.bench.contenders import contenders
from kernels.prefix_tree_attention.bench.floors import Floors
from kernels.prefix_tree_attention.bench.record import head
from kernels.prefix_tree_attention.bench.timing import Replay
from kernels.prefix_tree_attention.candidates import candidates
from kernels.prefix_tree_attention.choose import TUNED, chip_of, explained, fields_of
from kernels.prefix_tree_attention.workload import Workload

RESULTS = Path(__file__).resolve().parents[1] / "results"
CASES = {"ragged": RAGGED, "deep": DEEP, "uniform": UNIFORM, "short": SHORT, "code": CODE}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernels.prefix_tree_attention.bench")
    parser.add_argument("what", nargs="?", choices=["times", "tune", "choices"], default="times")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    parser.add_argument("--compiled", action="store_true", help="compiled contenders too (slow)")
    parser.add_argument("--sustained", action="store_true", help="long windows too")
    parser.add_argument("--out", type=Path, help="directory of the JSON")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("the bench needs an NVIDIA GPU", file=sys.stderr)
        return 2
    device = torch.device("cuda")
    cases = [c for kind in options.cases for c in CASES[kind] if options.only in c.name]
    if options.what == "choices":
        for case in cases:
            choice, origin = explained(case.workload, chip_of(device))
            print(f"{case.name}: {choice} ({origin})")
        return 0
    floors = Floors(device)
    torch.cuda.empty_cache()
    rates = {f"{s} MiB": round(s * 2**20 / us / 1e3) for s, us in floors.read_us.items()}
    print(f"{torch.cuda.get_device_name()}: cold reads, GB/s: {rates}; matrix product: "
          f"{floors.operations_per_second / 1e12:.0f} TFLOP/s")  # fmt: skip
    fitting = [case for case in cases if case.bytes < 0.4 * torch.cuda.mem_get_info()[1]]
    rows = []
    for case in fitting:
        step = Step(case, device)
        if options.what == "tune":
            rows.append(_tuned(step, floors))
        else:
            rows.append(_timed(step, floors, options.compiled, options.sustained))
        del step
        torch.cuda.empty_cache()
    name = torch.cuda.get_device_name().replace(" ", "-")
    directory = options.out or (TUNED if options.what == "tune" else RESULTS)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    key = "entries" if options.what == "tune" else "cases"
    path.write_text(
        json.dumps({**head("kernels.prefix_tree_attention.bench", floors), key: rows}, indent=1)
        + "\n"
    )
    print(f"written: {path}")
    return 0


def _timed(step: Step, floors: Floors, compiled: bool, sustained: bool) -> dict[str, Any]:
    work = step.case.workload
    choice, origin = explained(work, chip_of(step.q[0].device))
    floor = floors.floor_us(step.case)
    replay = Replay(step.planned(choice), step.calls)
    row: dict[str, Any] = {
        "case": step.case.name, "bytes": step.case.bytes, "operations": step.case.operations,
        "floor_us": round(floor, 1), "us": round(replay.short(), 1),
        "choice": fields_of(choice), "origin": origin, "contenders_us": {},
    }  # fmt: skip
    if sustained:
        row["sustained_us"] = round(replay.sustained(), 1)
    del replay
    for name, make in contenders(step, compiled).items():
        row["contenders_us"][name] = round(Replay(make(), step.calls).short(), 1)
        torch.cuda.empty_cache()
    row["times_floor"] = round(row["us"] / floor, 2)
    best = min(row["contenders_us"].values(), default=None)
    row["best_contender_over_ours"] = None if best is None else round(best / row["us"], 2)
    print({k: row[k] for k in row if k not in ("bytes", "operations", "choice")}, flush=True)
    return row


def _tuned(step: Step, floors: Floors) -> dict[str, Any]:
    work = step.case.workload
    times = []
    for choice in dict.fromkeys(candidates(work, chip_of(step.q[0].device))):
        times.append((round(Replay(step.planned(choice), step.calls).short(1), 2), choice))
    times.sort(key=lambda x: x[0])
    us, best = times[0]
    floor = floors.floor_us(step.case)
    print(step.case.name, f"floor {floor:.1f} us, {us / floor:.2f} times it;",
          *(f"{t}: {c};" for t, c in times[:3]), flush=True)  # fmt: skip
    fields = {name: getattr(work, name) for name in Workload.__dataclass_fields__}
    return {"case": step.case.name, "workload": fields, "us": us, "choice": fields_of(best)}


if __name__ == "__main__":
    sys.exit(main())
