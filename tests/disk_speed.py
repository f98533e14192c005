"""Measures report and comparison of runs of 200,000 candidates as a user has them: from disk.

`python -m tests.disk_speed OUT.json [FOLDER]` from the root makes two runs (`tests/large_run.py`)
and then starts `forkeval report` and `forkeval compare` on them. Seconds and the largest resident
memory are those of the whole processes, from their start to their end. In FOLDER the runs stay, and
are not made again.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from large_run import PROBLEMS, N, large_run

COMMAND = (sys.executable, "-m", "pipeline.cli")


def measured(*words: str | Path) -> dict[str, float]:
    """Wall and CPU seconds of one command, and its peak bytes; raises where it fails."""
    started = time.perf_counter()
    child = subprocess.Popen([*COMMAND, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)  # of this child alone, not of all that ever ended
    wall = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit code {child.returncode}")
    return {
        "wall_seconds": wall,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": 1024.0 * used.ru_maxrss,
    }


def measure(folder: Path, each: int = PROBLEMS, n: int = N) -> dict[str, Any]:
    """The runs are made in `folder`: each problems in each of three languages, n samples."""
    runs = [large_run(folder, f"run{seed}", seed, each, n) for seed in (1, 2)]
    return {
        "problems": 3 * each,
        "candidates": 3 * each * n,
        "run_bytes": sum(path.stat().st_size for path in runs[0].glob("tables/**/*.parquet")),
        "report": measured("report", runs[0]),
        "page_bytes": (runs[0] / "report" / "report.html").stat().st_size,
        "compare": measured("compare", *runs, "--out", folder / "compared"),
    }


def main(out: Path, kept: Path | None = None) -> None:
    with tempfile.TemporaryDirectory() as passing:
        result = measure(kept or Path(passing))
    machine = {
        "command": "python -m tests.disk_speed",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "nice": os.nice(0),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(machine | result, indent=1) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
