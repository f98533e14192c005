"""Random checkpoints, written once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.checkpoints import write_checkpoint

Checkpoints = Callable[[str], tuple[Path, Any]]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    """Name of a family -> directory and transformers model."""
    made: dict[str, tuple[Path, Any]] = {}

    def make(name: str) -> tuple[Path, Any]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = folder, write_checkpoint(folder, name)
        return made[name]

    return make
