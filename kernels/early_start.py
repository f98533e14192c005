"""Kernels that start while the one before them ends (programmatic dependent launch)."""

from __future__ import annotations

from functools import cache

import torch


@cache
def starts_early(device: torch.device) -> bool:
    """Whether the device can. A kernel launched so waits by itself for the one before it
    (`gdc_wait`), which may say when it starts (`gdc_launch_dependents`)."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (9, 0)


def launched(early: bool) -> dict[str, bool]:
    """Triton's option of a launch, for a kernel that starts early."""
    return {"launch_pdl": True} if early else {}
