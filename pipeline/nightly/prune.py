"""Removes run directories that no rule keeps. What they left in the history stays."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.history import History
from pipeline.nightly.baseline import Rule
from pipeline.nightly.config import NightConfig
from pipeline.nightly.work import RUNS

TRASH = ".trash"  # renamed to before they are removed, so that no half of a run is ever seen


def prune(
    config: NightConfig, history: History, night: int, rule: Rule, now: datetime
) -> list[str]:
    """Removes the runs that neither `keep.nights` nor `keep.days` keeps and that are no baseline.

    Returns their paths, relative to the history's. A run that goes on in a later night is as young
    as that night.
    """
    tidy(config.place)
    oldest = now - timedelta(days=config.keep.days)
    kept = rule.runs(night)
    known = history.rows(
        "SELECT run, max(night), max(started) FROM cells JOIN nights USING (night) "
        "WHERE run <> '' GROUP BY run ORDER BY run"
    )
    gone = [
        str(run)
        for run, last, started in known
        if last <= night - config.keep.nights
        and started < oldest
        and run not in kept
        and str((config.place / run).resolve()) not in kept
    ]
    for run in gone:
        remove(config.place, run)
        history.forget_run(run)
    tidy(config.place)
    return gone


def remove(place: Path, run: str) -> None:
    path = place / run
    if run.split("/")[0] != RUNS or ".." in Path(run).parts or not path.is_dir():
        return  # gone already, or nothing of ours
    trash = place / TRASH
    trash.mkdir(exist_ok=True)
    path.rename(trash / run.replace("/", "-"))
    if not any(path.parent.iterdir()):
        path.parent.rmdir()


def tidy(place: Path) -> None:
    """What was renamed to be removed, also by a night that was killed meanwhile."""
    if (place / TRASH).is_dir():
        shutil.rmtree(place / TRASH)
