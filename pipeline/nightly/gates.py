"""Judges a night: every gate on every cell it is for, corrected for being many."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.history import CellRow, Counts, GateRow, History
from pipeline.nightly.baseline import Baseline, Rule
from pipeline.nightly.cells import named
from pipeline.nightly.config import GateConfig, NightConfig, matches
from reports import fixed_problems
from reports.differences import holm, sign_flip
from reports.intervals import stream
from reports.passk import pass_at_k
from reports.sampling_noise import difference, noise

# At most 5 % of the nights in which nothing changed are to have any false alarm. Less than that
# here, because a night that fails is no baseline, so one that is high by chance stays it for
# longer. Over a long run of one gate, where it matters most, 0.034 gives 4.8 %.
LEVEL = 0.034
Quarantined = Collection[tuple[str, str, str]]  # dataset, language, task id


@dataclass(frozen=True, slots=True)
class Test:
    """A gate's row that waits for its corrected p-value; nan where nothing is tested."""

    row: GateRow
    p: float = math.nan


def judge(
    config: NightConfig, history: History, night: int, rule: Rule, quarantined: Quarantined
) -> list[GateRow]:
    """One row for each gate and cell. Holm's correction is over all tests of the night."""
    tests: list[Test] = []
    cells = history.cells(night)
    figures = history.figures(night)
    for position, gate in enumerate(config.gates):
        found = [
            row
            for row in cells
            if matches(gate.cells, tuple(named(row.series, row.checkpoint).split("/")))
        ]
        for row in found:
            judging = Judging(config, history, rule, quarantined, figures)
            tests.append(judging.test(position, gate, row))
        if not found:
            plain = GateRow(
                position, gate.cells, "", gate.metric, "not_judged", None, None, None,
                "no new checkpoint tonight",
            )  # fmt: skip
            tests.append(Test(plain))
    return [settled(test, p) for test, p in zip(tests, holm([t.p for t in tests]), strict=True)]


def settled(test: Test, p: float) -> GateRow:
    if math.isnan(p):
        return test.row
    state = "failed" if p < LEVEL else "held"
    return replace(test.row, p=p, state=state, said=f"{test.row.said}, p {p:.2g}")


def family(rows: Sequence[GateRow]) -> int:
    """How many tests the p-values are corrected for."""
    return sum(row.p is not None for row in rows)


@dataclass(frozen=True, slots=True)
class Judging:
    config: NightConfig
    history: History
    rule: Rule
    quarantined: Quarantined
    figures: dict[tuple[str, str], dict[str, tuple[float, ...]]]

    def test(self, position: int, gate: GateConfig, row: CellRow) -> Test:
        plain = GateRow(
            position, row.series, row.checkpoint, gate.metric, "not_judged", None, None, None, ""
        )
        own = self.figures.get((row.series, row.checkpoint), {})
        broken = row.state == "infrastructure" and gate.metric != "infrastructure_errors"
        if broken:
            return Test(replace(plain, said=f"infrastructure failure, no regression: {row.reason}"))
        if not own or row.state in ("planned", "stopped", "not_reached", "error"):
            return Test(replace(plain, said=f"{row.state.replace('_', ' ')}: {row.reason}"))
        if gate.rule == "fall":
            return self.fall(gate, row, plain)
        value = own.get(gate.metric)
        if value is None:
            return Test(replace(plain, said="nothing of it is recorded: no engine ran"))
        plain = replace(plain, value=value[0])
        if gate.metric == "truncation" and gate.below:
            return self.share(gate.below, row, plain)
        if gate.metric == "infrastructure_errors" and gate.below:
            held = value[0] < gate.below
            said = f"{percent(value[0])} of the candidates, below {percent(gate.below)} is asked"
            return Test(replace(plain, state="held" if held else "failed", said=said))
        return self.part(gate.of_baseline or 0.0, gate.metric, row, plain)

    def part(self, least: float, metric: str, row: CellRow, plain: GateRow) -> Test:
        """At least a part of the baseline's median: a margin, not a test."""
        known = self.rule.figure(row, metric)
        value = plain.value or 0.0
        if known is None:
            return Test(replace(plain, said="no baseline yet: this night is the first"))
        held = value >= least * known
        said = f"{value:,.0f}, {value / known:.0%} of the median {known:,.0f}; {least:.0%} is asked"
        return Test(replace(plain, baseline=known, state="held" if held else "failed", said=said))

    def share(self, limit: float, row: CellRow, plain: GateRow) -> Test:
        """A share above its limit by more than the draw of the samples explains."""
        counts = self.history.counts(row.night, row.series, row.checkpoint)
        samples = len(counts.task_ids) * max(counts.judged)
        seen = round((plain.value or 0.0) * samples)
        p = fixed_problems.above(samples, seen, limit)
        said = f"{percent(plain.value or 0.0)} of {samples:,} candidates, limit {percent(limit)}"
        return Test(replace(plain, said=said), p)

    def fall(self, gate: GateConfig, row: CellRow, plain: GateRow) -> Test:
        """pass@k against the baseline's, paired by problem."""
        baseline = self.rule.of(row)
        if baseline is None:
            return Test(replace(plain, said="no baseline yet: this night is the first"))
        counts = self.history.counts(row.night, row.series, row.checkpoint)
        left_out = {task for d, x, task in self.quarantined if row.series.split("/")[1:3] == [d, x]}
        pair = paired(baseline.counts, counts, left_out)
        if not pair.problems:
            return Test(replace(plain, said=f"no problem in common with {baseline.called}"))
        if min(pair.n) < gate.k:
            return Test(replace(plain, said=f"{baseline.called} has n = {pair.n[0]} < {gate.k}"))
        first, second = (
            pass_at_k(np.full(pair.problems, n), c, gate.k)
            for n, c in zip(pair.n, pair.passed, strict=True)
        )
        if gate.k == 1:
            p = float(
                fixed_problems.fell(pair.n, pair.passed[0][:, None], pair.passed[1][:, None])[0]
            )
        else:
            p = fell_by_signs(second - first, self.config.run.report.seed)
        plain = replace(plain, value=float(second.mean()), baseline=float(first.mean()))
        notes = [f"{pair.problems} problems"]
        if pair.quarantined:
            notes.append(f"{pair.quarantined} in quarantine left out")
        if pair.unjudged:
            notes.append(f"{pair.unjudged} with infrastructure errors left out")
        notes += self.changed(row, baseline)
        said = (
            f"{percent(plain.value or 0)} against {percent(plain.baseline or 0)} of "
            f"{baseline.called}, {points(pair, gate.k)}, {', '.join(notes)}"
        )
        return Test(replace(plain, said=said), p)

    def changed(self, row: CellRow, baseline: Baseline) -> list[str]:
        """Kinds of facts in which the two differ, so that a fall may come from there."""
        own = self.history.facts(row.night, row.series, row.checkpoint)
        return [
            f"of another {kind}"
            for kind, known in own.items()
            if any(baseline.facts.get(kind, {}).get(name) != value for name, value in known.items())
        ]


@dataclass(frozen=True, slots=True)
class Paired:
    """Passes of the problems that both have, and judged in full."""

    n: tuple[int, int]
    passed: tuple[np.ndarray, np.ndarray]
    quarantined: int
    unjudged: int

    @property
    def problems(self) -> int:
        return len(self.passed[0])


def paired(first: Counts, second: Counts, left_out: Collection[str]) -> Paired:
    sides = [
        {t: (n, c) for t, n, c in zip(s.task_ids, s.judged, s.passed, strict=True)}
        for s in (first, second)
    ]
    common = [task for task in sides[0] if task in sides[1]]
    n = tuple(max((side[task][0] for task in common), default=0) for side in sides)
    sound = [task for task in common if task not in left_out]
    judged = [task for task in sound if all(s[task][0] == m for s, m in zip(sides, n, strict=True))]
    passed = [np.array([side[task][1] for task in judged], np.int64) for side in sides]
    return Paired(
        (n[0], n[1]),
        (passed[0], passed[1]),
        len(common) - len(sound),
        len(sound) - len(judged),
    )


def fell_by_signs(change: np.ndarray, seed: int) -> float:
    """One-sided p-value of a fall: sign patterns are as many on either side."""
    both = float(sign_flip(change[:, None], np.arange(len(change)), stream(seed, "nightly"))[0])
    return both / 2 if change.mean() < 0 else 1 - both / 2


def points(pair: Paired, k: int) -> str:
    """The difference in points, with the interval of sampling noise where there is one."""
    sides = [
        noise(np.full(pair.problems, n), c, [k]) for n, c in zip(pair.n, pair.passed, strict=True)
    ]
    if min(pair.n) < 2 * k:
        values = [
            pass_at_k(np.full(pair.problems, n), c, k).mean()
            for n, c in zip(pair.n, pair.passed, strict=True)
        ]
        return f"{100 * (values[1] - values[0]):+.1f} points"
    at = difference(sides[0], sides[1], np.arange(pair.problems), 0.95)[0]
    return f"{100 * at.value:+.1f} points [{100 * at.low:+.1f}, {100 * at.high:+.1f}]"


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"
