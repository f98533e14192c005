"""Joules that a GPU has drawn, read from its own counter. Absent where there is none.

NVML's total-energy counter (nvmlDeviceGetTotalEnergyConsumption, millijoules since the driver was
loaded; Volta and later) is of the whole board: other processes on it are in it, and a slice of a
board has none. Nothing is guessed from power or from time.
"""

from __future__ import annotations

import ctypes

import torch

OLDEST = 1.0  # seconds after which a reading under way is ended: what a kill can lose


class EnergyCounter:
    """The counter of one GPU."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self._library = library
        self._handle = handle

    def joules(self) -> float:
        """Since the driver was loaded. Raises OSError where the counter no longer answers."""
        millijoules = ctypes.c_ulonglong()
        status = self._library.nvmlDeviceGetTotalEnergyConsumption(
            self._handle, ctypes.byref(millijoules)
        )
        if status:
            raise OSError(f"NVML: total energy: error {status}")
        return millijoules.value / 1e3


def counter(device: torch.device) -> EnergyCounter | None:
    """The device's counter; None where it has none or no driver tells."""
    if device.type != "cuda":
        return None
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        if library.nvmlInit_v2():
            return None
        # By its own name: NVML's numbers know nothing of CUDA_VISIBLE_DEVICES.
        name = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
        handle = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)):
            return None
        found = EnergyCounter(library, handle)
        found.joules()
    except (OSError, AttributeError):  # no library, an old one, or no counter
        return None
    return found
