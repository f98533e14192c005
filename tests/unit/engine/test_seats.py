"""When the scheduler makes a new plan of who is decoded with whom."""

from __future__ import annotations

from typing import Any, cast
from unittest import mock

import numpy as np

from pipeline.engine.decoding import PLAN, Runner
from pipeline.engine.seats import Seats


class Costs:
    """Of a runner, what seats ask for: no device."""

    def __init__(self, free_rows: float, cost: float) -> None:
        self.rows = mock.Mock(padding=100)
        self.free_rows, self._cost = free_rows, cost

    def plan_cost(self, rows: int) -> float:
        return self._cost

    def tiles(self, paths: Any) -> list[Any]:
        return [mock.Mock(host=np.concatenate([path.rows for path in paths]))]


def steps_until_due(free_rows: float, cost: float, leaving: int, waiting: int) -> int:
    """Steps of 64 rows of one prompt, of which some leave at once, before a plan is due."""
    group: Any = mock.Mock()
    group.leaf.path.return_value = []
    seats = Seats(cast(Runner, Costs(free_rows, cost)))
    assert seats.due
    seats.plan([(group, np.arange(64))])
    if leaving:
        seats.leave(np.arange(leaving), [group] * leaving)
    steps = 0
    while not seats.due and steps < 1000:
        seats.count_step(waiting)
        steps += 1
    return steps


def test_idle_places_cost_what_they_lengthen_a_step() -> None:
    assert steps_until_due(0, PLAN, 32, 0) == 1
    assert steps_until_due(192, PLAN, 32, 0) == 2
    assert steps_until_due(192, PLAN, 0, 0) == 1000


def test_rows_that_wait_cost_their_tokens_whatever_a_step_takes() -> None:
    assert steps_until_due(0, 4, 0, 32) == steps_until_due(192, 4, 0, 32) == 8


def test_a_plan_that_needs_a_graph_waits_for_as_much_waste() -> None:
    assert steps_until_due(192, 8, 32, 0) == 64
