"""Bootstrap intervals over problems."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reports.intervals import Estimate, bootstrap, disjoint, stream


def one(values: np.ndarray, units: np.ndarray | None = None, seed: int = 0) -> Estimate:
    units = np.arange(len(values)) if units is None else units
    return bootstrap(values[:, None], units, stream(seed, "test"), 4000)[0]


def test_width_is_that_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.2, 400)
    found = one(values)
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.value - half, abs=0.1 * half)
    assert found.high == pytest.approx(found.value + half, abs=0.1 * half)


def test_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for trial in range(300):
        found = bootstrap(
            rng.beta(0.6, 1.4, (60, 1)), np.arange(60), stream(trial, "cover"), 500, 0.9
        )[0]
        inside += found.low <= 0.3 <= found.high
    assert 0.84 <= inside / 300 <= 0.95


def test_problems_in_several_languages_are_resampled_together() -> None:
    rng = np.random.default_rng(3)
    values = rng.random(100)
    thrice, units = np.tile(values, 3), np.tile(np.arange(100), 3)
    together, apart = one(thrice, units), one(thrice)
    single = one(values)
    assert together.high - together.low == pytest.approx(single.high - single.low, rel=0.05)
    assert apart.high - apart.low < 0.7 * (together.high - together.low)


def test_equal_streams_give_equal_intervals_and_others_do_not() -> None:
    values = np.random.default_rng(4).random(50)
    assert one(values) == one(values)
    assert one(values) != one(values, seed=1)


def test_the_streams_of_two_names_differ() -> None:
    assert stream(0, "a").random() != stream(0, "b").random()
    assert stream(0, "a", "b").random() != stream(0, "ab").random()


def test_an_undefined_problem_makes_the_mean_undefined_and_leaves_others_alone() -> None:
    values = np.array([[0.5, 1.0], [math.nan, 0.0], [0.5, 1.0]])
    first, second = bootstrap(values, np.arange(3), stream(0, "x"), 100)
    assert math.isnan(first.value)
    assert math.isnan(first.low)
    assert second.value == pytest.approx(2 / 3)


def test_one_problem_has_no_interval_and_none_has_no_mean() -> None:
    single = one(np.array([0.25]))
    assert single.value == 0.25
    assert math.isnan(single.low)
    assert math.isnan(one(np.array([])).value)


def test_disjoint() -> None:
    low, high = Estimate(0.2, 0.1, 0.3), Estimate(0.5, 0.31, 0.6)
    assert disjoint(low, high)
    assert disjoint(high, low)
    assert not disjoint(low, Estimate(0.5, 0.3, 0.6))
    assert not disjoint(low, Estimate(0.9, math.nan, math.nan))
