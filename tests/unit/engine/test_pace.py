"""Rows are added while they give more tokens a second, by the time that steps took."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.pace import AGAIN, MEASURED, Pace
from pipeline.engine.scheduler_events import SchedulerEvents

HEIGHTS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256]


def driven(pace: Pace, seconds: dict[int, float], steps: int) -> list[int]:
    """Most rows at each of so many steps, each of which is as high as it may be."""
    seen = []
    for _ in range(steps):
        rows = pace.rows or HEIGHTS[-1]
        seen.append(rows)
        pace.note(rows, seconds[rows])
    return seen


def test_more_rows_are_tried_by_doublings_and_kept_where_they_pay() -> None:
    events = SchedulerEvents()
    pace = Pace(HEIGHTS, 20.0, events)
    seen = driven(pace, {h: 1.0 + h / 1000 for h in HEIGHTS}, 40)
    assert list(dict.fromkeys(seen)) == [32, 64, 128, 256]
    assert seen.count(32) == seen.count(64) == seen.count(128) == MEASURED + 1
    assert pace.rows is None
    assert events.heights_refused == 0


def test_a_height_that_gives_no_more_is_left_again_and_tried_again_much_later() -> None:
    events = SchedulerEvents()
    pace = Pace(HEIGHTS, 20.0, events)
    cliff = {h: h / 100 if h > 64 else 0.5 + h / 1000 for h in HEIGHTS}
    seen = driven(pace, cliff, 40)
    assert list(dict.fromkeys(seen)) == [32, 64, 128]
    assert seen[-1] == 64
    assert events.heights_refused == 1
    later = driven(pace, dict.fromkeys(HEIGHTS, 1.0), AGAIN + 40)  # it pays by now
    assert later[AGAIN - 40] == 64
    assert pace.rows is None


def test_what_takes_no_longer_than_reading_weights_is_not_tried() -> None:
    for free in (200.0, 1e9):
        assert Pace(HEIGHTS, free, SchedulerEvents()).rows is None


def test_steps_of_other_heights_say_nothing() -> None:
    pace = Pace(HEIGHTS, 20.0, SchedulerEvents())
    for _ in range(100):
        pace.note(48, 1.0)
    assert pace.rows == 32


@given(st.data())
def test_where_it_settles_no_doubling_below_was_better(data: st.DataObject) -> None:
    seconds = {h: data.draw(st.floats(0.001, 10.0)) for h in HEIGHTS}
    pace = Pace(HEIGHTS, 20.0, SchedulerEvents())
    seen = driven(pace, seconds, 60)
    rate = {h: h / s for h, s in seconds.items()}
    end = seen[-1]
    levels = [32, 64, 128, 256]
    assert all(rate[a] < rate[b] for a, b in pairwise(levels) if b <= end)
    above = levels[levels.index(end) + 1 :]
    assert (
        not above or rate[above[0]] == pytest.approx(rate[end]) or rate[above[0]] < rate[end] * 1.01
    )
