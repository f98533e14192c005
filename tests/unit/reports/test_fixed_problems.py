"""Exact tests with the problems fixed: by hand, under no change, and on a true fall."""

from __future__ import annotations

from itertools import product
from math import comb
from statistics import NormalDist

import numpy as np
import pytest
from simulated_falls import passes

from reports.differences import holm
from reports.fixed_problems import LEAST, above, fell


def test_the_chance_is_that_of_counting_every_way() -> None:
    n = (3, 2)
    first, second = np.array([[3], [2], [2]]), np.array([[0], [1], [0]])
    # By hand: of t passes among 3 + 2 samples, x fall to the second run's two.
    by_problem = [
        {x: comb(2, x) * comb(3, t - x) / comb(5, t) for x in range(3) if 0 <= t - x <= 3}
        for t in (3, 3, 2)
    ]
    ways = product(*(law.items() for law in by_problem))
    expected = sum(np.prod([p for _, p in way]) for way in ways if sum(x for x, _ in way) <= 1)
    assert fell(n, first, second) == pytest.approx([expected], rel=1e-9)
    assert fell(n, second[[0]] * 0, first[[0]] * 0) == [1.0]


def test_of_one_sample_a_problem_it_is_mcnemar() -> None:
    lost, won, same = 9, 2, 30
    first = np.array([1] * lost + [0] * won + [1] * same)[:, None]
    second = np.array([0] * lost + [1] * won + [1] * same)[:, None]
    expected = sum(comb(lost + won, x) for x in range(won + 1)) / 2 ** (lost + won)
    assert fell((1, 1), first, second) == pytest.approx([expected], rel=1e-9)


def test_many_samples_fold_into_a_window_without_a_difference() -> None:
    rng = np.random.default_rng(3)
    p = rng.beta(0.6, 1.1, (300, 4))
    first, second = rng.binomial(200, p), rng.binomial(200, p)
    mean = (first + second).sum(axis=0) / 2
    t = first + second
    variance = (200 * 200 / 399 * (t / 400) * (1 - t / 400)).sum(axis=0)
    z = (second.sum(axis=0) + 0.5 - mean) / np.sqrt(variance)
    normal = [NormalDist().cdf(float(x)) for x in z]
    assert fell((200, 200), first, second) == pytest.approx(normal, abs=2e-3)
    assert fell((200, 200), first, second * 0)[0] == LEAST


@pytest.mark.parametrize(("n", "gates"), [(20, 20), (1, 20), (5, 100)])
def test_nights_without_a_change_alarm_one_in_twenty_at_most(n: int, gates: int) -> None:
    """A night has `gates` cells of 164 problems; nothing changes from its baseline."""
    nights = 1000
    rng = np.random.default_rng(n)
    alarms = 0
    p = rng.beta(0.6, 1.1, (164, gates))
    for _ in range(nights // 50):
        chances = np.tile(p, 50)
        first, second = rng.binomial(n, chances), rng.binomial(n, chances)
        for night in fell((n, n), first, second).reshape(50, gates):
            alarms += min(holm(list(night))) < 0.05
    assert alarms / nights <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / nights)


@pytest.mark.parametrize(
    ("spread", "gates", "least"), [(0.0, 50, 0.95), (0.5, 20, 0.9), (1.0, 20, 0.8), (1.5, 3, 0.8)]
)
def test_a_fall_of_five_points_is_caught(spread: float, gates: int, least: float) -> None:
    """164 problems, n = 20; spread: how unevenly it falls on the problems (simulated_falls)."""
    first, second, truth = passes(164, 0.05, 20, 1, spread, seed=7)
    assert truth == pytest.approx(-0.05, abs=2e-3)
    caught = np.mean(gates * fell((20, 20), first, second) < 0.05)
    assert caught >= least


def test_a_share_above_its_limit() -> None:
    assert above(100, 5, 0.02) == pytest.approx(
        sum(comb(100, k) * 0.02**k * 0.98 ** (100 - k) for k in range(5, 101))
    )
    assert above(100, 2, 0.02) == 1.0
    assert above(200_000, 4000 * 2, 0.02) == LEAST
