"""Differences between two runs: intervals that hold, p-values that are uniform without one."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from simulated_falls import SIMULATIONS, fall

from reports.differences import holm, paired_bootstrap, sign_flip
from reports.intervals import Estimate, stream


def held(differences: np.ndarray, truth: float) -> float:
    found = paired_bootstrap(differences, np.arange(len(differences)), stream(0, "held"), 1000)
    return sum(e.low <= truth <= e.high for e in found) / SIMULATIONS


@pytest.mark.parametrize(
    ("problems", "points", "n", "k", "spread"),
    [
        (164, 0.0, 20, 1, 0.0),
        (164, 0.05, 20, 1, 1.0),
        (164, 0.05, 20, 10, 1.0),
        (164, 0.05, 1, 1, 1.0),
        (50, 0.05, 20, 1, 1.0),
        (20, 0.05, 20, 1, 1.0),
        (20, 0.0, 20, 10, 0.0),
    ],
)
def test_intervals_hold_the_truth_in_93_to_97_of_100(
    problems: int, points: float, n: int, k: int, spread: float
) -> None:
    assert 0.93 <= held(*fall(problems, points, n, k, spread, seed=3)) <= 0.97


@pytest.mark.parametrize(("problems", "n", "steps"), [(164, 20, 0), (164, 1, 0.05), (12, 20, 0.1)])
def test_p_values_are_uniform_where_nothing_changed(problems: int, n: int, steps: float) -> None:
    differences, _ = fall(problems, 0.0, n, 1, 0.0, seed=5)
    p = sign_flip(differences, np.arange(problems), stream(0, "uniform"))
    for level in (0.01, 0.05, 0.1, 0.2, 0.5, 0.8):
        error = 4.0 * math.sqrt(level * (1.0 - level) / SIMULATIONS)
        share = float(np.mean(p <= level))
        assert share <= level + error  # an exact test never alarms too often
        # Few samples or problems give few different sums: p-values in steps, whose shares lag.
        assert share >= level - error - steps


@pytest.mark.parametrize(
    ("spread", "family"),
    [
        (0.0, 50),  # all problems fall alike: 13 languages at several k
        (0.5, 20),
        (1.0, 3),  # some problems rise by 20 points, others fall by 30
    ],
)
def test_a_fall_of_5_points_on_164_problems_with_n_20_is_caught(spread: float, family: int) -> None:
    """family: how many p-values Holm corrects; the smallest is multiplied by that."""
    differences, truth = fall(164, 0.05, 20, 1, spread, seed=7)
    assert truth == pytest.approx(-0.05, abs=1e-4)
    p = sign_flip(differences, np.arange(164), stream(0, "power"))
    caught = np.mean((family * p < 0.05) & (differences.mean(axis=0) < 0))
    assert caught >= 0.8


def test_few_problems_have_every_pattern_of_signs_counted() -> None:
    values = np.array([0.5, 0.25, -0.125, 1.0, 0.0])
    sums = [sum(s * v for s, v in zip(signs, values, strict=True))
            for signs in product((-1, 1), repeat=5)]  # fmt: skip
    expected = np.mean([abs(total) >= abs(values.sum()) for total in sums])
    found = sign_flip(values[:, None], np.arange(5), stream(0, "exact"))[0]
    assert found == expected
    assert sign_flip(values[:1, None], np.arange(1), stream(0, "one"))[0] == 1.0


def test_languages_of_a_problem_flip_together() -> None:
    values = np.random.default_rng(2).normal(0.1, 0.3, 12)
    single = sign_flip(values[:, None], np.arange(12), stream(0, "x"))[0]
    thrice = sign_flip(np.tile(values, 3)[:, None], np.tile(np.arange(12), 3), stream(0, "x"))[0]
    assert thrice == single


def test_undefined_problems_leave_other_columns_alone() -> None:
    values = np.array([[0.1, 0.2], [math.nan, 0.3], [0.2, 0.1]])
    p = sign_flip(values, np.arange(3), stream(0, "x"))
    assert math.isnan(p[0])
    assert p[1] == 0.25
    first, second = paired_bootstrap(values, np.arange(3), stream(0, "x"))
    assert math.isnan(first.value)
    assert math.isnan(first.low)
    assert second.value == pytest.approx(0.2)
    assert second.low < second.value < second.high
    none = np.empty((0, 1))
    assert math.isnan(sign_flip(none, np.array([], int), stream(0, "x"))[0])
    assert math.isnan(paired_bootstrap(none, np.array([], int), stream(0, "x"))[0].value)


differences_of_problems = arrays(
    np.float64, st.integers(2, 40), elements=st.sampled_from([-1.0, -0.5, -0.05, 0.0, 0.05, 0.5])
)


def measured(values: np.ndarray) -> tuple[Estimate, float]:
    units = np.arange(len(values))
    (estimate,) = paired_bootstrap(values[:, None], units, stream(0, "law"), 200)
    return estimate, float(sign_flip(values[:, None], units, stream(0, "law"))[0])


@given(differences_of_problems)
def test_swapping_the_runs_turns_the_sign_alone(values: np.ndarray) -> None:
    (there, p), (back, q) = measured(values), measured(-values)
    assert back.value == pytest.approx(-there.value, abs=1e-12)
    assert back.low == pytest.approx(-there.high, abs=1e-12)
    assert back.high == pytest.approx(-there.low, abs=1e-12)
    assert p == q


@given(st.integers(2, 40))
def test_no_difference_is_0_with_p_1(problems: int) -> None:
    estimate, p = measured(np.zeros(problems))
    assert estimate == Estimate(0.0, 0.0, 0.0)
    assert p == 1.0


def test_holm_by_hand() -> None:
    # Sorted: .01 x 4, .02 x 3, .04 x 2, .3 x 1; none below one before it.
    assert holm([0.04, 0.01, 0.3, 0.02]) == pytest.approx([0.08, 0.04, 0.3, 0.06])
    assert holm([0.02, 0.011]) == pytest.approx([0.022, 0.022])
    assert holm([0.9, math.nan, 0.6])[::2] == [1.0, 1.0]
    assert math.isnan(holm([0.9, math.nan, 0.6])[1])
    assert holm([]) == []


def test_holm_keeps_the_family_at_its_level() -> None:
    p = np.random.default_rng(1).random((4000, 8))
    alarms = np.mean([min(holm(row)) < 0.05 for row in p.tolist()])
    assert alarms == pytest.approx(0.05, abs=0.012)
