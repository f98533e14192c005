"""Plans from pilots: the formulas against simulation, and whether planned runs keep the width."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from simulated_plans import CASES, Case, simulated, width

from reports.intervals import stream
from reports.passk import pass_at_k
from reports.plan import MOST, Pilot, Plan, Widths, beta, plan, shares

Floats = NDArray[np.float64]


def pilot_of(chances: Floats, n: int, rng: np.random.Generator) -> Pilot:
    drawn = np.full(len(chances), n)
    return Pilot(drawn, rng.binomial(drawn, chances), np.arange(len(chances)))


@pytest.mark.parametrize(("n", "k"), [(5, 2), (6, 3), (4, 4), (7, 1)])
def test_shares_are_those_of_all_pairs_of_draws(n: int, k: int) -> None:
    draws = [set(draw) for draw in combinations(range(n), k)]
    counts = np.zeros(k + 1)
    for one in draws:
        for other in draws:
            counts[len(one & other)] += 1
    assert shares(n, k) == pytest.approx(counts / counts.sum())


@pytest.mark.parametrize(("n", "k"), [(10, 1), (20, 5), (40, 20)])
def test_the_variance_is_that_of_the_estimator(n: int, k: int) -> None:
    """Exactly: over every count that n samples can give, of one problem."""
    p = 0.15
    big = 200_000  # samples of a pilot that knows p
    widths = Widths(Pilot(np.array([big]), np.array([round(p * big)]), np.zeros(1, int)), k)
    counts = np.arange(n + 1)
    chance = np.array([math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in counts])
    values = pass_at_k(np.full(n + 1, n), counts, k)
    mean = float(chance @ values)
    assert widths.drawn(n) == pytest.approx(float(chance @ (values - mean) ** 2), rel=1e-3)
    assert widths.value == pytest.approx(1 - (1 - p) ** k, rel=1e-3)


def test_the_beta_is_found_again() -> None:
    rng = stream(0, "beta")
    n = np.full(20_000, 12)
    a, b = beta(n, rng.binomial(n, rng.beta(0.6, 1.4, len(n))))
    assert (a, b) == (pytest.approx(0.6, rel=0.06), pytest.approx(1.4, rel=0.06))


@pytest.mark.parametrize(
    ("case", "tolerance"),
    list(zip(CASES, (0.10, 0.10, 0.10, 0.10, 0.10, 0.10, 0.25, 0.10, 0.10), strict=True)),
    ids=str,
)
def test_planned_runs_keep_the_width_in_nine_pilots_of_ten(case: Case, tolerance: float) -> None:
    """Within a tolerance that grows as the pilot tells less."""
    found = simulated(case, 100)
    assert len(found.planned) >= 90
    assert found.within(case.width, tolerance) >= 0.9


@pytest.mark.parametrize(("n", "k", "wanted"), [(8, 1, 0.02), (20, 10, 0.03)])
def test_a_plan_is_no_waste(n: int, k: int, wanted: float) -> None:
    """Half of the planned samples would have missed the width."""
    rng = stream(8, "waste")
    case = Case("same problems", n, k, wanted, (0.6, 1.2))
    missed = 0
    for _ in range(100):
        chances = rng.beta(0.6, 1.2, 164)
        made = plan(pilot_of(chances, n, rng), k, wanted)[0]
        assert made.n is not None
        half = max(made.n // 2, 2 * k)
        missed += width(case, chances, half, rng) > wanted
    assert missed >= 95


def of(kind: str, plans: list[Plan]) -> Plan:
    return next(one for one in plans if one.kind == kind)


def test_what_more_samples_cannot_give_more_problems_may() -> None:
    rng = stream(9, "floor")
    pilot = pilot_of(rng.beta(0.5, 0.5, 50), 10, rng)
    found = of("problems drawn anew", plan(pilot, 1, 0.05))
    assert found.n is None
    assert found.width > 0.05  # even with MOST samples
    assert found.problems is not None
    assert found.problems > 50
    assert Widths(pilot, 1).width("problems drawn anew", 10, found.problems) <= 0.05
    assert Widths(pilot, 1).width("problems drawn anew", 10, found.problems - 1) > 0.05


def test_the_planned_n_is_the_least() -> None:
    rng = stream(10, "least")
    pilot = pilot_of(rng.beta(1.0, 2.0, 80), 6, rng)
    found = of("same problems", plan(pilot, 2, 0.04))
    widths = Widths(pilot, 2)
    assert found.n is not None
    assert found.width == widths.width("same problems", found.n) <= 0.04
    assert widths.width("same problems", found.n - 1) > 0.04


@pytest.mark.parametrize("passed", [0, 5])
def test_a_pilot_in_which_all_is_alike_gives_a_plan(passed: int) -> None:
    pilot = Pilot(np.full(30, 5), np.full(30, passed), np.arange(30))
    for found in plan(pilot, 1, 0.3):
        assert found.n is not None
        assert found.n < MOST
    for found in plan(pilot, 100, 0.5):
        assert 0 <= found.value <= 1
