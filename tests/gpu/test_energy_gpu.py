"""Joules of a real sample stage: in the run's own tables, from the board's own counter."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
import torch

from pipeline.assembly import SERVICES
from pipeline.config import RunConfig
from pipeline.engine.energy import EnergyCounter, counter
from pipeline.records import DeviceEnergy
from pipeline.run import Run
from pipeline.store import Store

pytestmark = pytest.mark.gpu
# The counter moves in steps of about a tenth of a second: each end of a stretch may be one off.
STEP_SECONDS = 0.2


def power_limit(source: EnergyCounter) -> float:
    """Watts that the board may draw (nvmlDeviceGetPowerManagementLimit, in milliwatts)."""
    milliwatts = ctypes.c_uint()
    library, handle = source._library, source._handle
    assert library.nvmlDeviceGetPowerManagementLimit(handle, ctypes.byref(milliwatts)) == 0
    return milliwatts.value / 1e3


def test_joules_of_a_sample_stage_are_in_the_ledger(tmp_path: Path) -> None:
    config = RunConfig.model_validate(
        {
            "name": "joules",
            "model": {"path": "tiny", "device": "cuda"},
            "benchmarks": [{"name": "mini", "languages": ["python"]}],
            "sampling": {"n": 200, "max_new_tokens": 128},
        }
    )
    with Store.create(tmp_path / "joules", config) as store:
        Run(config, store, ("load", "sample"), SERVICES)()
        rows: list[DeviceEnergy] = list(store.required("sample").records("device_energy"))
    source = counter(torch.device("cuda"))
    if source is None:
        assert rows == []  # absent, never guessed
        return
    joules, seconds = (
        sum(getattr(row, name) for row in rows) for name in ("m_joules", "m_seconds")
    )
    print(
        f"{joules:.1f} J in {seconds:.2f} s, {joules / seconds:.0f} W, {len(rows)} readings, "
        f"limit {power_limit(source):.0f} W"
    )
    assert 0 < joules < power_limit(source) * (seconds + STEP_SECONDS)
