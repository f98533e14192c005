"""Exact tests with the problems fixed: by hand, under no change, and on a true fall."""

from __future__ import annotations

from itertools import product
from math import comb
from statistics import NormalDist

import numpy as np
import pytest

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


def test_without_a_change_small_p_values_are_as_seldom_as_they_say() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(0.6, 1.1, (164, 4000))
    found = fell((20, 20), rng.binomial(20, p), rng.binomial(20, p))
    for level in (0.5, 0.05, 0.01):
        assert np.mean(found <= level) <= level + 2 * np.sqrt(level * (1 - level) / 4000)
        assert np.mean(found <= level) >= 0.8 * level  # and the test is not idle


def test_a_share_above_its_limit() -> None:
    assert above(100, 5, 0.02) == pytest.approx(
        sum(comb(100, k) * 0.02**k * 0.98 ** (100 - k) for k in range(5, 101))
    )
    assert above(100, 2, 0.02) == 1.0
    assert above(200_000, 4000 * 2, 0.02) == LEAST
