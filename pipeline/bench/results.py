"""What a bench writes: the machine, the command, and rows as they are measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.record import versions

FOLDER = Path(__file__).resolve().parents[1] / "engine" / "results"


class Results:
    """One JSON file, whole after every row, so that a stopped bench leaves what it has."""

    def __init__(self, folder: Path, name: str, command: str, device: torch.device) -> None:
        """name: of the bench; the file's name begins with the device's."""
        self.rows: list[dict[str, Any]] = []
        on = device_name(device)
        self.path = folder / f"{on.replace(' ', '-')}-{name}.json"
        self._head: dict[str, Any] = {"command": command, "device": on, **versions()}

    def note(self, **values: Any) -> None:
        """Figures that hold for all rows."""
        self._head.update(values)

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({**self._head, "rows": self.rows}, indent=1) + "\n")


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
