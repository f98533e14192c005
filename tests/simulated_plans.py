"""How often a run planned by `forkeval plan` has the width that it was planned for.

    python -m tests.simulated_plans

Chances of 164 problems are drawn; then a pilot of a few samples; an n is planned for a wanted width
of the interval; the full run of n samples is drawn: how wide is the interval of its report? 200
pilots a case. docs/budgets.md holds the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.intervals import over_problems, stream
from reports.passk import pass_at_ks
from reports.plan import KINDS, Kind, Pilot, plan
from reports.sampling_noise import noise

Floats = NDArray[np.float64]

PROBLEMS = 164
PILOTS = 200
MIXED = (0.0, 0.0)  # two problems of five that no sample solves, the others' chances 0.2 to 0.9


@dataclass(frozen=True, slots=True)
class Case:
    kind: Kind
    pilot: int  # samples a problem
    k: int
    width: float
    shape: tuple[float, float]  # of the beta distribution of the problems' chances; MIXED: another


@dataclass(frozen=True, slots=True)
class Outcome:
    planned: list[int]  # n of each pilot that had a plan
    widths: list[float]  # of the interval that the run of that n gave

    def within(self, width: float, tolerance: float) -> float:
        """Share of the planned runs whose interval is at most so much wider than wanted."""
        return float(np.mean([found <= width * (1 + tolerance) for found in self.widths]))


CASES = (
    Case("same problems", 8, 1, 0.02, (0.6, 1.2)),
    Case("same problems", 4, 1, 0.02, (0.3, 3.0)),
    Case("same problems", 20, 10, 0.03, (0.6, 1.2)),
    Case("same problems", 10, 10, 0.03, (0.6, 1.2)),  # n < 2 k: by the fitted beta
    Case("same problems", 12, 10, 0.03, MIXED),
    Case("same problems", 40, 10, 0.02, MIXED),
    Case("same problems", 5, 100, 0.02, (0.3, 3.0)),  # likewise, far beyond the pilot
    Case("problems drawn anew", 4, 1, 0.08, (2.0, 3.0)),
    Case("problems drawn anew", 8, 1, 0.096, (0.6, 1.2)),
)


def simulated(case: Case, pilots: int = PILOTS) -> Outcome:
    rng = stream(7, case.kind, str(case.pilot), str(case.k), str(case.shape))
    outcome = Outcome([], [])
    for _ in range(pilots):
        chances = population(case, rng)
        drawn = np.full(PROBLEMS, case.pilot)
        pilot = Pilot(drawn, rng.binomial(drawn, chances), np.arange(PROBLEMS))
        made = plan(pilot, case.k, case.width)[KINDS.index(case.kind)]
        if made.n is not None:
            outcome.planned.append(made.n)
            outcome.widths.append(width(case, chances, made.n, rng))
    return outcome


def population(case: Case, rng: np.random.Generator) -> Floats:
    if case.shape != MIXED:
        return rng.beta(*case.shape, PROBLEMS)
    solved = rng.random(PROBLEMS) >= 0.4
    return np.asarray(np.where(solved, rng.uniform(0.2, 0.9, PROBLEMS), 0.0))


def width(case: Case, chances: Floats, n: int, rng: np.random.Generator) -> float:
    """Of the interval that a report of n samples gives."""
    drawn = np.full(len(chances), n)
    passed = rng.binomial(drawn, chances)
    rows = np.arange(len(chances))
    if case.kind == "same problems":
        (found,) = noise(drawn, passed, [case.k]).intervals(rows, 0.95)
    else:
        (found,) = over_problems(pass_at_ks(drawn, passed, [case.k]), rows)
    return found.high - found.low


def table() -> Iterator[str]:
    heads = ("interval, pilot's n, k, wanted", "planned", "n, middle half", "width, middle half")
    yield f"| {' | '.join(heads)} | 10 % | 25 % |"
    yield "|:--|--:|--:|--:|--:|--:|"
    for case in CASES:
        found = simulated(case)
        n = np.percentile(found.planned, [25, 75])
        points = 100 * np.percentile(found.widths, [25, 75])
        yield (
            f"| {case.kind}: {case.pilot}, {case.k}, {100 * case.width:g}"
            f"{', mixed' if case.shape == MIXED else ''} | "
            f"{len(found.planned) / PILOTS:.0%} | {n[0]:.0f} to {n[1]:.0f} | "
            f"{points[0]:.1f} to {points[1]:.1f} | {found.within(case.width, 0.1):.0%} | "
            f"{found.within(case.width, 0.25):.0%} |"
        )


if __name__ == "__main__":
    for line in table():
        print(line, flush=True)
