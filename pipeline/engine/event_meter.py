"""What an engine had to do beside drawing, by stretches of work: rows for the record."""

from __future__ import annotations

from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.records import EngineEvents


class EventMeter:
    """The difference that each stretch of work made to counters that only grow."""

    def __init__(self, session: str, events: SchedulerEvents, graphs: Graphs) -> None:
        self._session = session
        self._events, self._graphs = events, graphs
        self._index = 0
        self._taken: list[EngineEvents] = []
        self._before = self._counts()

    def stop(self) -> None:
        """A stretch of work has ended."""
        before, self._before = self._before, self._counts()
        new = {name: count - before[name] for name, count in self._before.items()}
        if not any(new.values()):
            return
        seconds = new.pop("m_graphs_seconds")
        counts = {name: int(count) for name, count in new.items()}
        row = EngineEvents(self._session, self._index, **counts, m_graphs_seconds=seconds)
        self._taken.append(row)
        self._index += 1

    def take(self) -> list[EngineEvents]:
        """Rows of the stretches that ended since the last call."""
        taken, self._taken = self._taken, []
        return taken

    def _counts(self) -> dict[str, float]:
        return {
            "plans": self._events.plans,
            "parked_rows": self._events.parked_rows,
            "closed_prompts": self._events.closed_prompts,
            "heights_refused": self._events.heights_refused,
            "graphs_ahead": self._graphs.ahead,
            "graphs_late": self._graphs.late,
            "m_graphs_seconds": self._graphs.ahead_seconds,
        }
