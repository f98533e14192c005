"""Axes: round values, enough of them to read a curve by, none upon another."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reports.scale import Scale

APART = 36


@given(low=st.floats(1e-9, 1e9), times=st.floats(1.3, 1e6))
def test_a_logarithmic_axis_has_ticks_wherever_it_lies(low: float, times: float) -> None:
    scale = Scale(low, low * times, 46, 348, log=True)
    found = scale.ticks(APART)
    assert len(found) >= 2
    assert all(low * 0.998 <= value <= low * times * 1.002 for value in found)
    assert all(scale.at(b) - scale.at(a) >= APART - 0.5 for a, b in pairwise(found))


def test_a_short_logarithmic_axis_counts_in_equal_steps() -> None:
    found = Scale(0.06, 0.17, 46, 348, log=True).ticks(APART)
    assert [round(value, 6) for value in found] == [0.06, 0.08, 0.1, 0.12, 0.14, 0.16]
