"""When the scheduler makes a new plan of who is decoded with whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from unittest import mock

import numpy as np

from pipeline.engine.decoding import Runner
from pipeline.engine.graphs_ahead import heights
from pipeline.engine.seats import PLAN, Seats


class Costs:
    """Of a runner, what seats ask for: no device."""

    def __init__(self, free_rows: float, steps: Sequence[int]) -> None:
        self.rows = mock.Mock(padding=100)
        self.free_rows, self._steps = free_rows, steps

    def height(self, rows: int) -> int:
        return min(step for step in self._steps if step >= rows)

    def tiles(self, paths: Any) -> list[Any]:
        return [mock.Mock(host=np.concatenate([path.rows for path in paths]))]


def steps_until_due(
    free_rows: float, leaving: int, waiting: int, steps: Sequence[int] = range(101)
) -> int:
    """Steps of 64 rows of one prompt, of which some leave at once, before a plan is due."""
    group: Any = mock.Mock()
    group.leaf.path.return_value = []
    seats = Seats(cast(Runner, Costs(free_rows, steps)))
    assert seats.due
    seats.plan([(group, np.arange(64))])
    if leaving:
        seats.leave(np.arange(leaving), [group] * leaving)
    taken = 0
    while not seats.due and taken < 1000:
        seats.count_step(waiting)
        taken += 1
    return taken


def test_idle_places_cost_what_they_lengthen_a_step() -> None:
    assert steps_until_due(0, 32, 0) == 1
    assert steps_until_due(192, 32, 0) == PLAN / (32 / 256)
    assert steps_until_due(192, 0, 0) == 1000


def test_rows_that_wait_cost_their_tokens_whatever_a_step_takes() -> None:
    assert steps_until_due(0, 0, 2) == steps_until_due(192, 0, 2) == PLAN / (2 / 64)


def test_a_new_plan_of_the_same_height_is_not_made() -> None:
    """It would make no step shorter."""
    assert steps_until_due(0, 15, 0, heights(100)) == 1000
    assert steps_until_due(0, 16, 0, heights(100)) == 1
