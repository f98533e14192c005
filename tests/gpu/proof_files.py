"""Where the proofs on a GPU are written."""

from __future__ import annotations

import json
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.record import versions
from pipeline.bench.results import FOLDER, device_name


def write_proof(name: str, test: str, **figures: Any) -> None:
    """One JSON file a proof. test: the node that makes it again."""
    device = device_name(torch.device("cuda"))
    head = {"command": f"pytest -m gpu {test}", "device": device, **versions()}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{device.replace(' ', '-')}-proof-{name}.json"
    path.write_text(json.dumps(head | figures, indent=1) + "\n")
    print(json.dumps(figures))
