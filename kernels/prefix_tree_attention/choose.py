"""The choice for a step: what was measured for the nearest workload, else what the model says.

The tables in `tuned` are written by `python -m kernels.prefix_tree_attention.bench tune`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from kernels.prefix_tree_attention.candidates import Chip, candidates, modelled_us
from kernels.prefix_tree_attention.choice import Choice, Parts, Stream
from kernels.prefix_tree_attention.workload import Workload

TUNED = Path(__file__).parent / "tuned"
NEAR = 2.5  # doublings within which a measured choice is taken over the model's


def choose(work: Workload, device: torch.device) -> Choice:
    """For a CUDA device, 16-bit elements and no sliding window."""
    return explained(work, chip_of(device))[0]


def explained(work: Workload, chip: Chip) -> tuple[Choice, str]:
    """The choice and where it comes from, in words."""
    if chip.hopper:
        found = [
            (distance, choice)
            for known, choice in table()
            if (distance := work.distance(known)) is not None and distance <= NEAR
        ]
        if found:
            distance, choice = min(found, key=lambda x: x[0])
            return choice, f"tuned, {distance:.1f} doublings away"
    best = min(candidates(work, chip), key=lambda c: modelled_us(c, work, chip))
    return best, f"model, {modelled_us(best, work, chip):.0f} us"


@cache
def chip_of(device: torch.device) -> Chip:
    """What the model needs of a CUDA device; rates by its architecture, per multiprocessor."""
    properties = torch.cuda.get_device_properties(device)
    major = properties.major
    # Dense 16-bit operations a microsecond and multiprocessor, and bytes likewise: A100, H100.
    operations, read = (6.0e6, 24_000.0) if major >= 9 else (2.7e6, 14_000.0)
    count = properties.multi_processor_count
    shared = getattr(properties, "shared_memory_per_block_optin", 48 << 10)
    return Chip(count, read * count, operations * count, major == 9, shared)


@cache
def table() -> tuple[tuple[Workload, Choice], ...]:
    """Everything that was measured."""
    return tuple(
        (Workload(**entry["workload"]), choice_of(entry["choice"]))
        for path in sorted(TUNED.glob("*.json"))
        for entry in json.loads(path.read_text())["entries"]
    )


def choice_of(fields: dict[str, Any]) -> Choice:
    """The inverse of `fields_of`."""
    kinds = {"parts": Parts, "stream": Stream}
    rest = {key: value for key, value in fields.items() if key != "form"}
    choice: Choice = kinds[fields["form"]](**rest)
    return choice


def fields_of(choice: Choice) -> dict[str, Any]:
    """A choice as JSON has it."""
    return {"form": "parts" if isinstance(choice, Parts) else "stream", **asdict(choice)}
