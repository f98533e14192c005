"""Fixtures shared by every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def published() -> Path:
    """The directory of the published benchmarks; skips with the reason where it is absent."""
    named = os.environ.get("FORKEVAL_DATA")
    path = Path(named) if named else ROOT.parent / "shared" / "benchmarks"
    if not (path / "mbxp").is_dir():
        pytest.skip(f"published benchmarks not found at {path}: set FORKEVAL_DATA")
    return path
