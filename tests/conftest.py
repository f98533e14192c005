"""Fixtures shared by every test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="session")
def docker_client() -> Any:
    """A client of a Docker engine, with the images of every language built.

    Tests that need an engine never skip: without one they fail, saying what to do, so that a green
    run means that the sandboxes worked.
    """
    from sandboxes import engine, images

    try:
        client = engine.connect()
        images.build()
    except UserError as error:
        pytest.fail(f"{error}; `make test` starts an engine", pytrace=False)
    return client
