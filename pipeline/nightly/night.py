"""`forkeval nightly`: one night, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pipeline.history import History
from pipeline.nightly.config import NightConfig
from pipeline.nightly.sandboxes_watch import watched
from pipeline.nightly.work import plan, work
from pipeline.run import Services
from pipeline.store.lock import RunLock

HISTORY = "history.duckdb"


def utc() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def night(config: NightConfig, services: Services, now: Callable[[], datetime] = utc) -> int:
    """Runs a night, or goes on with the one that was stopped; returns the exit code.

    0: every gate holds, 1: one failed, 2: something could not be evaluated. Raises UserError where
    another night is under way, or the history cannot be opened.
    """
    config.place.mkdir(parents=True, exist_ok=True)
    lock = RunLock(config.place)
    try:
        with History(config.place / HISTORY) as history:
            return one_night(config, services, history, now)
    finally:
        lock.release()


def one_night(
    config: NightConfig, services: Services, history: History, now: Callable[[], datetime]
) -> int:
    number = history.unfinished() or history.begin(now())
    cells = plan(config, history, number)
    work(config, history, number, cells, watched(services))
    states = {row.state for row in history.cells(number)}
    outcome = "error" if states & {"infrastructure", "error"} else "held"
    history.finish(number, now(), outcome)
    history.backup()
    return 2 if outcome == "error" else 0
