"""Joules that a GPU has drawn, read from its own counter. Absent where there is none.

NVML's total-energy counter (nvmlDeviceGetTotalEnergyConsumption, millijoules since the driver was
loaded; Volta and later) is of the whole board: other processes on it are in it, and a slice of a
board has none. Nothing is guessed from power or from time.
"""

from __future__ import annotations

import ctypes
import time

import torch

from pipeline.records import DeviceEnergy

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


class EnergyMeter:
    """Energy by stretches of time between readings of a counter; nothing without one."""

    def __init__(self, session: str, device: str, source: EnergyCounter | None) -> None:
        self._session = session
        self._device = device
        self._source = source
        self._since: tuple[float, float] | None = None  # seconds, joules
        self._index = 0
        self._taken: list[DeviceEnergy] = []

    def start(self) -> None:
        """Work begins, or goes on."""
        if self._source is not None and self._since is None:
            self._since = (time.perf_counter(), self._source.joules())

    def stop(self) -> None:
        """Work has ended: what the device draws from now on is not the run's."""
        if self._source is None or self._since is None:
            return
        seconds, joules = self._since
        now, total = time.perf_counter(), self._source.joules()
        self._since = None
        self._taken.append(
            DeviceEnergy(self._session, self._index, self._device, now - seconds, total - joules)
        )
        self._index += 1

    def take(self) -> list[DeviceEnergy]:
        """Readings since the last call; one that has lasted is ended and a new one begun."""
        if self._since is not None and time.perf_counter() - self._since[0] >= OLDEST:
            self.stop()
            self.start()
        taken, self._taken = self._taken, []
        return taken
