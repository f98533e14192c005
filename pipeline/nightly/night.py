"""`forkeval nightly`: one night, begun or gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pipeline.history import History
from pipeline.nightly import output, site, webhook
from pipeline.nightly.baseline import Rule, rule_of
from pipeline.nightly.config import NightConfig
from pipeline.nightly.flaky import execute_again
from pipeline.nightly.gates import judge
from pipeline.nightly.prune import prune
from pipeline.nightly.sandboxes_watch import watched
from pipeline.nightly.summary import quarantined, summary
from pipeline.nightly.work import plan, work
from pipeline.run import Services
from pipeline.store.lock import RunLock
from reports.nightly.words import headline, reused, troubles

HISTORY = "history.duckdb"
Clock = Callable[[], datetime]


def utc() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@contextmanager
def locked(config: NightConfig) -> Iterator[History]:
    """The history, while no other process has it."""
    config.place.mkdir(parents=True, exist_ok=True)
    lock = RunLock(config.place)
    try:
        with History(config.place / HISTORY) as history:
            yield history
    finally:
        lock.release()


def accept(config: NightConfig, number: int) -> str:
    """Takes a night's figures as what is meant from now on; says what was done."""
    with locked(config) as history:
        return f"night {number}: {history.accept(number)} cells are the baseline from now on"


def night(config: NightConfig, services: Services, now: Clock = utc) -> int:
    """Runs a night, or goes on with the one that was stopped; returns the exit code.

    0: every gate holds, 1: one failed, 2: something could not be evaluated. Raises UserError where
    another night is under way, the history cannot be opened or a fixed baseline is missing.
    """
    with locked(config) as history:
        rule = rule_of(config.baseline, history)
        number = history.unfinished() or history.begin(now())
        cells = plan(config, history, number)
        watching = watched(services)
        work(config, history, number, cells, watching)
        execute_again(config, history, number, cells, watching)
        return ended(config, history, number, rule, now)


def ended(config: NightConfig, history: History, number: int, rule: Rule, now: Clock) -> int:
    """Judges the night and says so. Killed in here, the next start does all of it again."""
    untrusted = {
        (flip.dataset, flip.language, flip.task_id)
        for _, flip in quarantined(config, history, number)
    }
    gates = judge(config, history, number, rule, untrusted)
    failed = {(gate.series, gate.checkpoint) for gate in gates if gate.state == "failed"}
    done = [(row.series, row.checkpoint) for row in history.cells(number) if row.state == "done"]
    history.judge(number, gates, [key for key in done if key not in failed])
    doc = summary(config, history, number)
    output.write(config.place, doc)
    if config.webhook is not None:
        webhook.post(config.webhook, doc)
    prune(config, history, number, rule, now())
    page = site.write(config.place, history, doc)
    history.finish(number, now(), doc["outcome"])
    history.backup()
    say(doc)
    print(page)
    return int(doc["exit_code"])


def say(doc: dict[str, Any]) -> None:
    print(headline(doc))
    if said := reused(doc):
        print(f"  {said}")
    for line in troubles(doc):
        print(f"  {line}")
    for gate in doc["gates"]:
        if gate["state"] == "failed":
            print(f"  FAILED {gate['cell']}: {gate['gate']}: {gate['said']}")
