"""What every bench says of itself in its JSON: command, machine, versions, what the chip gave."""

from __future__ import annotations

import datetime
import platform
import sys
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.floors import Floors


def head(module: str, floors: Floors) -> dict[str, Any]:
    """Of the file of a bench that is run as `python -m module` on a GPU."""
    return {
        "command": " ".join(["python -m", module, *words()]),
        "device": torch.cuda.get_device_name(), **versions(), **ceilings(floors),
    }  # fmt: skip


def words() -> list[str]:
    """The command line without the place that the JSON goes to."""
    found = sys.argv[1:]
    at = found.index("--out") if "--out" in found else len(found)
    return found[:at] + found[at + 2 :]


def versions() -> dict[str, Any]:
    """Triton's only where there is a GPU."""
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }
    if torch.cuda.is_available():
        import triton

        found["triton"] = triton.__version__
    return found


def ceilings(floors: Floors) -> dict[str, Any]:
    """Microseconds of cold reads by MiB, and TFLOP/s of a large matrix product."""
    return {
        "read_us_by_mib": {str(size): round(us, 2) for size, us in floors.read_us.items()},
        "matrix_tflops": round(floors.operations_per_second / 1e12, 1),
    }
