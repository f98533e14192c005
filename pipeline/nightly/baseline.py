"""What a cell is held against, by rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np

from pipeline.compare import opened
from pipeline.history import CellRow, Counts, History
from pipeline.nightly import measured
from pipeline.nightly.config import BaselineConfig
from reports.tally import tally


@dataclass(frozen=True, slots=True)
class Baseline:
    """A cell of an earlier night, or a part of a fixed run."""

    called: str  # as in "against night 7"
    counts: Counts
    facts: dict[str, dict[str, str]]


class Rule(Protocol):
    """Finds baselines; one for each way of choosing them."""

    def of(self, row: CellRow) -> Baseline | None:
        """What a cell's passes are paired with; None where there is none yet."""

    def figure(self, row: CellRow, metric: str) -> float | None:
        """The baseline's own figure, by the rule's median; None where there is none yet."""

    def runs(self, night: int) -> set[str]:
        """Run directories that are a baseline of this night or may be one of the next."""


def rule_of(config: BaselineConfig, history: History) -> Rule:
    """Raises UserError where a fixed run cannot be read."""
    if config.run is not None:
        return FixedRun(config.run)
    return FromHistory(history, config.last, middle=config.rule == "median")


class FromHistory:
    """The last accepted night of a cell; or, of the last accepted ones, the middle by pass@1.

    The middle one is a night and not an average, so that a cell is paired with it by problem. That
    it is neither high nor low by chance makes a gate err the less.
    """

    def __init__(self, history: History, last: int, *, middle: bool) -> None:
        self._history = history
        self._last = last
        self._middle = middle

    def of(self, row: CellRow) -> Baseline | None:
        accepted = self._history.accepted_before(row, self._last if self._middle else 1)
        if not accepted:
            return None
        found = [(self._history.counts(n, row.series, c), n, c) for n, c in accepted]
        ordered = sorted(found, key=lambda item: passes(item[0]))
        counts, night, checkpoint = ordered[(len(ordered) - 1) // 2]
        called = f"night {night}" + (f" ({checkpoint})" if checkpoint else "")
        facts = self._history.facts(night, row.series, checkpoint)
        return Baseline(called, counts, facts)

    def figure(self, row: CellRow, metric: str) -> float | None:
        values = self._history.figures_before(row, metric, self._last)
        return float(median(values)) if values else None

    def runs(self, night: int) -> set[str]:
        count = self._last if self._middle else 1
        found = self._history.rows(
            "SELECT run FROM (SELECT run, row_number() OVER (PARTITION BY series, night = ? "
            "ORDER BY step DESC, night DESC) AS place FROM cells WHERE accepted AND run <> '') "
            "WHERE place <= ?",
            [night, count],
        )
        return {str(row[0]) for row in found}


class FixedRun:
    """A run directory, of which a cell is held against the part with its dataset and language."""

    def __init__(self, path: Path) -> None:
        run = opened(path)
        self._path = path
        self._tally = tally(run.source)
        self._facts = measured.facts(run)
        self._figures = measured.figures(run, self._tally)

    def of(self, row: CellRow) -> Baseline | None:
        _, dataset, language, _ = row.series.split("/")
        found = measured.counts(self._tally, dataset, language)
        return Baseline(str(self._path), found, self._facts) if found.task_ids else None

    def runs(self, night: int) -> set[str]:
        return {str(self._path.resolve())}

    def figure(self, row: CellRow, metric: str) -> float | None:
        known = self._figures.get(metric)
        return known[0] if known else None


def passes(counts: Counts) -> float:
    """pass@1 over the problems that have a judged sample."""
    judged = np.asarray(counts.judged, np.float64)
    some = judged > 0
    return float(np.mean(np.asarray(counts.passed)[some] / judged[some])) if some.any() else 0.0
