"""Intervals of a mean over problems drawn anew, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports import student
from reports.intervals import Estimate, disjoint, over_problems, stream
from reports.passk import pass_at_k

SIMULATIONS = 1000


def one(values: np.ndarray, units: np.ndarray | None = None) -> Estimate:
    return over_problems(values[:, None], np.arange(len(values)) if units is None else units)[0]


def coverage(problems: int, a: float, b: float, n: int, k: int) -> float:
    """Share of simulated runs whose interval holds the population's pass@k.

    The chance that a sample passes is Beta(a, b) over the population of problems.
    """
    rng = np.random.default_rng(7)
    c = rng.binomial(n, rng.beta(a, b, (problems, SIMULATIONS)))
    found = over_problems(pass_at_k(n, c, k), np.arange(problems))
    # E[(1 - p)^k] of a Beta(a, b) is a product of k ratios.
    truth = 1.0 - math.prod((b + i) / (a + b + i) for i in range(k))
    return sum(e.low <= truth <= e.high for e in found) / SIMULATIONS


@pytest.mark.parametrize(
    ("problems", "a", "b", "n", "k"),
    [
        (164, 0.5, 1.2, 20, 1),
        (164, 0.5, 1.2, 20, 10),
        (164, 0.5, 1.2, 200, 100),
        (164, 0.5, 1.2, 1, 1),
        (164, 0.3, 3.0, 20, 1),
        (164, 0.1, 3.0, 20, 1),  # pass@1 of 3 %
        (164, 3.0, 0.2, 20, 1),  # pass@1 of 94 %
        (50, 0.5, 1.2, 20, 1),
        (20, 0.5, 1.2, 20, 1),
    ],
)
def test_holds_the_truth_in_93_to_97_of_100(
    problems: int, a: float, b: float, n: int, k: int
) -> None:
    assert 0.93 <= coverage(problems, a, b, n, k) <= 0.97


@pytest.mark.parametrize(
    ("problems", "a", "b", "n", "k", "least"),
    [
        (20, 0.1, 3.0, 20, 1, 0.85),  # 3 %: most simulated runs see two problems solved at all
        (20, 3.0, 0.2, 20, 1, 0.89),
        (20, 0.1, 3.0, 1, 1, 0.93),
        (20, 3.0, 0.2, 1, 1, 0.93),
        (10, 0.5, 1.2, 20, 1, 0.93),
    ],
)
def test_few_problems_at_the_edge_fall_little_short(
    problems: int, a: float, b: float, n: int, k: int, least: float
) -> None:
    assert least <= coverage(problems, a, b, n, k) <= 0.995


def test_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).beta(2.0, 2.0, 400)
    found = one(values)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.value - half, abs=0.05 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.05 * half)


@pytest.mark.parametrize("count", [2, 10, 164])
def test_problems_that_all_agree_still_leave_room_for_others(count: int) -> None:
    none, every = one(np.zeros(count)), one(np.ones(count))
    # Wilson's bound for no success in `count` trials.
    square = student.quantile(0.95, count - 1) ** 2 / count
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(square / (1.0 + square))
    assert (every.value, every.high) == (1.0, 1.0)
    assert every.low == pytest.approx(1.0 - none.high)


def test_stays_within_0_and_1_and_around_the_value() -> None:
    rng = np.random.default_rng(5)
    for a, b in ((0.02, 1.0), (1.0, 0.02), (0.5, 0.5)):
        for found in over_problems(rng.beta(a, b, (7, 200)), np.arange(7)):
            assert 0.0 <= found.low <= found.value <= found.high <= 1.0


def test_problems_in_several_languages_are_one_unit() -> None:
    values = np.random.default_rng(3).random(100)
    thrice, units = np.tile(values, 3), np.tile(np.arange(100), 3)
    together, apart, single = one(thrice, units), one(thrice), one(values)
    assert together.low == pytest.approx(single.low)
    assert together.high == pytest.approx(single.high)
    assert apart.high - apart.low < 0.7 * (together.high - together.low)


def test_the_order_of_problems_does_not_matter() -> None:
    values, order = np.random.default_rng(4).random(50), np.random.default_rng(5).permutation(50)
    first, again = one(values, np.arange(50) // 2), one(values[order], order // 2)
    assert again.low == pytest.approx(first.low)
    assert again.high == pytest.approx(first.high)


def test_an_undefined_problem_makes_the_mean_undefined_and_leaves_others_alone() -> None:
    values = np.array([[0.5, 1.0], [math.nan, 0.0], [0.5, 1.0]])
    first, second = over_problems(values, np.arange(3))
    assert math.isnan(first.value)
    assert math.isnan(first.low)
    assert second.value == pytest.approx(2 / 3)
    assert second.low < second.value < second.high


def test_one_problem_has_no_interval_and_none_has_no_mean() -> None:
    single = one(np.array([0.25]))
    assert single.value == 0.25
    assert math.isnan(single.low)
    assert math.isnan(one(np.array([])).value)


def test_the_streams_of_two_names_differ() -> None:
    assert stream(0, "a").random() == stream(0, "a").random()
    assert stream(0, "a").random() != stream(1, "a").random()
    assert stream(0, "a").random() != stream(0, "b").random()
    assert stream(0, "a", "b").random() != stream(0, "ab").random()


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),  # printed tables of the t distribution
    [
        (0.95, 1, 12.706),
        (0.95, 2, 4.303),
        (0.95, 9, 2.262),
        (0.99, 30, 2.750),
        (0.9, 120, 1.658),
        (0.95, 100_000, 1.960),
    ],
)
def test_quantiles_of_student(confidence: float, freedom: int, expected: float) -> None:
    assert student.quantile(confidence, freedom) == pytest.approx(expected, abs=6e-4)


def test_disjoint() -> None:
    low, high = Estimate(0.2, 0.1, 0.3), Estimate(0.5, 0.31, 0.6)
    assert disjoint(low, high)
    assert disjoint(high, low)
    assert not disjoint(low, Estimate(0.5, 0.3, 0.6))
    assert not disjoint(low, Estimate(0.9, math.nan, math.nan))
