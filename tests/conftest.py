"""Fixtures shared by every test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.records import UserError

# Triton decides when a kernel is defined whether it is interpreted, so before any is imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


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
