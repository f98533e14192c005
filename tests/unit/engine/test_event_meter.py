"""What an engine did beside drawing is written down by stretches of work."""

from __future__ import annotations

from pipeline.engine.event_meter import EventMeter
from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.records import EngineEvents
from tests.unit.engine.conftest import Checkpoints
from tests.unit.engine.helpers import completer, request


def test_a_stretch_has_what_it_added() -> None:
    events, graphs = SchedulerEvents(plans=7), Graphs(ahead=3)  # of before
    meter = EventMeter("session", events, graphs)
    events.plans, events.parked_rows, events.heights_refused = 9, 1, 1
    graphs.late, graphs.ahead_seconds = 2, 0.5
    assert meter.take() == []  # it has not ended
    meter.stop()
    meter.stop()  # nothing more
    events.closed_prompts, graphs.ahead = 4, 4
    meter.stop()
    assert meter.take() == [
        EngineEvents("session", 0, 2, 1, 0, 1, 0, 2, 0.5),
        EngineEvents("session", 1, 0, 0, 4, 0, 1, 0, 0.0),
    ]
    assert meter.take() == []


def test_each_call_of_a_completer_has_its_own_row(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    made = completer(folder, max_rows=2)
    plans = []
    for name in "ab":
        done = list(made.complete([request(name, "def f(x):\n", 5)]))
        assert len(done) == 5
        rows = [row for row in made.take_steps() if isinstance(row, EngineEvents)]
        plans.append([row.plans for row in rows])
    # Five samples in two places: a plan for each that comes or goes, the same both times.
    assert plans[0] == plans[1]
    assert len(plans[0]) == 1
    assert plans[0][0] >= 3
