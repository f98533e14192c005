"""Ranking a part of the samples: against every subset and every order of small examples."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from reports.intervals import stream
from reports.passk import pass_at_top
from reports.ranked import (
    Ranked,
    at_budgets,
    chances,
    running_best,
)

TOPS = (1, 3)
PROGRAM = np.array([0, 0, 1, 2, 3, 3, 4, 5])  # of each of 8 samples
PASSED = np.array([False, True, False, False, True, True])
SCORES = {
    "distinct": np.array([6.0, 3.0, 5.0, 4.0, 2.0, 1.0]),
    "ties": np.array([2.0, 2.0, 1.0, 1.0, 1.0, 0.0]),
    "alike": np.zeros(6),
}


def ranked(score: NDArray[np.float64]) -> Ranked:
    return Ranked(np.bincount(PROGRAM), PASSED, score)


def of_samples(score: NDArray[np.float64], taken: tuple[int, ...], m: int) -> float:
    own = np.unique(PROGRAM[list(taken)])
    return float(pass_at_top(np.zeros(len(own)), score[own], PASSED[own], m, 1)[0])


@pytest.mark.parametrize("kind", SCORES)
def test_k_samples_are_the_mean_over_all_subsets(kind: str) -> None:
    score = SCORES[kind]
    found = chances(ranked(score), list(range(1, 9)), TOPS, 4000, stream(0, "test"))
    for i, m in enumerate(TOPS):
        for k in range(1, 9):
            every = [of_samples(score, taken, m) for taken in combinations(range(8), k)]
            exact = kind == "distinct"
            assert found[i, k - 1] == pytest.approx(np.mean(every), abs=1e-12 if exact else 0.015)


@pytest.mark.parametrize("kind", ["distinct", "ties"])
def test_a_budget_is_the_mean_over_all_orders(kind: str) -> None:
    program, costs = PROGRAM[:6], np.array([3.0, 5.0, 2.0, 7.0, 4.0, 1.0])
    score, passed = SCORES[kind][:4], PASSED[:4]
    budgets = np.array([5.0, 6.0, 9.0, 16.0, 22.0, 23.0, 30.0])
    problem = Ranked(np.bincount(program), passed, score)
    found = at_budgets(problem, program, costs, 1.0, budgets, TOPS, 20_000, stream(1, "test"))
    assert np.isnan(found[:, -1]).all()  # more than all samples cost: nobody knows
    assert np.isnan(at_budgets(problem, program, costs, 1.0, budgets[:1] - 1, TOPS, 5, stream(0)))[
        :, 0
    ].all()  # less than one sample costs
    for i, m in enumerate(TOPS):
        for j, budget in enumerate(budgets[1:-1], start=1):
            total = 0.0
            for order in permutations(range(6)):
                bought = int((1.0 + np.cumsum(costs[list(order)]) <= budget).sum())
                own = np.unique(program[list(order[:bought])])
                if bought:
                    total += float(pass_at_top(own * 0, score[own], passed[own], m, 1)[0])
            assert found[i, j] == pytest.approx(total / 720, abs=0.015)


def test_equal_samples_are_shown_once() -> None:
    best = running_best(np.array([[2, 3, 3, 1, 4]]), 3)
    assert best[:, 0].tolist() == [[2, 3, 3, 3, 4], [0, 2, 2, 2, 3], [0, 0, 0, 1, 2]]


def test_large_problems_stay_within_zero_and_one() -> None:
    rng = stream(3, "test")
    times = rng.integers(1, 4, 400)
    problem = Ranked(times, rng.random(400) < 0.05, rng.random(400))
    ks = [1, 2, 10, 100, int(times.sum())]
    found = chances(problem, ks, TOPS, 1, rng)
    assert (found > -1e-9).all()
    assert (found < 1 + 1e-9).all()
    assert (found[1] >= found[0] - 1e-9).all()
    share = float(times[problem.passed].sum() / times.sum())
    assert found[:, 0] == pytest.approx([share, share])  # one sample: nothing to choose
