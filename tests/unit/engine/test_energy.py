"""Energy is read from a counter while the engine works, and is absent without one."""

from __future__ import annotations

from itertools import count

import pytest
import torch

from pipeline.engine import energy
from pipeline.engine.energy import EnergyCounter, EnergyMeter, counter
from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.ledger import Timer
from pipeline.engine.scheduler_events import SchedulerEvents


class Counting(EnergyCounter):
    """A counter that stands 10 J higher each time it is read."""

    def __init__(self) -> None:
        self._values = count(1000, 10)

    def joules(self) -> float:
        return float(next(self._values))


def test_a_cpu_has_no_counter_and_no_row() -> None:
    assert counter(torch.device("cpu")) is None
    timer = Timer(torch.device("cpu"), 1, SchedulerEvents(), Graphs())
    timer.measure("decode", 1, 1, lambda: None)
    timer.close()
    assert [row.TABLE for row in timer.take()] == ["engine_steps"]


def test_only_the_time_of_work_is_counted() -> None:
    meter = EnergyMeter("session", "gpu", Counting())
    assert meter.take() == []
    for _ in range(3):
        meter.start()
    meter.stop()  # read twice: 10 J
    meter.stop()
    meter.start()  # what lay between is left out
    meter.stop()
    rows = meter.take()
    assert [(row.session, row.index, row.m_joules) for row in rows] == [
        ("session", 0, 10.0),
        ("session", 1, 10.0),
    ]
    assert meter.take() == []


def test_long_work_is_written_down_as_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0.0, 0.75)
    monkeypatch.setattr(energy.time, "perf_counter", lambda: next(clock))
    meter = EnergyMeter("session", "gpu", Counting())
    meter.start()
    rows = [row for _ in range(6) for row in meter.take()]
    assert len(rows) >= 2
    meter.stop()
    rows += meter.take()
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(row.m_seconds > 0 and row.m_joules == 10.0 for row in rows)
