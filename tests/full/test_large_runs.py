"""Report and comparison of 200 problems x 1,000 candidates from disk, by processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from disk_speed import measure

pytestmark = pytest.mark.full


@pytest.mark.timeout(1800)
def test_report_and_comparison_stay_within_their_bounds(tmp_path: Path) -> None:
    """30 s and 2 GB, 10 s: of processor time, since other processes take the rest of a wall's."""
    found = measure(tmp_path)
    assert found["problems"] >= 200
    assert found["candidates"] >= 200_000
    assert found["report"]["cpu_seconds"] < 30.0
    assert found["report"]["peak_bytes"] < 2e9
    assert found["page_bytes"] < 15e6
    assert found["compare"]["cpu_seconds"] < 10.0
