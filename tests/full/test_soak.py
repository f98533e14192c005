"""20,000 executions of a mix of good and hostile programs leave nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.full import soak

pytestmark = [pytest.mark.docker, pytest.mark.full]


def test_soak(docker_client: Any) -> None:
    """Goes on where an earlier call was killed, and writes sandboxes/results/soak.json."""
    assert soak.main([]) == 0
