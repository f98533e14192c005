"""Fixtures shared by every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import UserError


@pytest.fixture(scope="session")
def published() -> Path:
    """The directory of the published benchmarks; skips with the reason where it is absent."""
    from tests.full.published_sets import published_directory  # most tests need none of it

    try:
        return published_directory()
    except UserError as absent:
        pytest.skip(str(absent))
