"""What a budget buys: the k it affords, equal budgets by random order, expected executions."""

from __future__ import annotations

from itertools import combinations, permutations
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.budgets import Sample, affordable, expected_seconds, orders_for, pass_at_budget
from reports.intervals import stream
from reports.passk import pass_at_k

RNG = stream(0, "test")


@given(st.integers(0, 10_000), st.integers(1, 500), st.integers(0, 300), st.floats(0, 0.99))
def test_a_budget_buys_whole_samples(prefix: int, own: int, k: int, rest: float) -> None:
    assert affordable(prefix + own * (k + rest), prefix, own) == k


def test_below_the_prefix_nothing_is_bought_and_free_samples_are_refused() -> None:
    assert affordable(5, 10, 3) == 0
    with pytest.raises(ValueError, match="must cost something"):
        affordable(5, 0, 0)


def test_equal_costs_give_pass_at_k_of_the_affordable_k() -> None:
    passed = np.array([True, True] + [False] * 8)
    sample = Sample(100.0, np.full(10, 7.0), passed)
    for k in range(1, 11):
        for extra in (0.0, 6.9):
            (found,) = pass_at_budget(sample, np.array([100 + 7 * k + extra]), 10, RNG)
            if k == 10 and extra:
                assert isnan(found)  # more than all samples cost: nobody knows
            else:
                assert found == pytest.approx(float(pass_at_k(10, 2, k)))


def test_unequal_costs_are_the_mean_over_random_orders() -> None:
    costs = np.array([3.0, 5.0, 2.0, 7.0, 4.0, 1.0])
    passed = np.array([False, False, True, True, False, False])
    budgets = np.array([4.0, 6.0, 9.0, 14.0, 20.0, 22.0])
    exact = np.zeros(len(budgets))
    orders = list(permutations(range(6)))
    for order in orders:
        spent = np.cumsum(costs[list(order)])
        for i, budget in enumerate(budgets):
            exact[i] += passed[list(order)][spent <= budget].any()
    exact /= len(orders)
    found = pass_at_budget(Sample(0.0, costs, passed), budgets, 40_000, RNG)
    assert found == pytest.approx(exact, abs=0.012)


def test_undefined_below_one_sample_and_without_samples() -> None:
    sample = Sample(10.0, np.array([2.0, 4.0]), np.array([True, True]))
    below, at = pass_at_budget(sample, np.array([12.9, 14.0]), 100, RNG)
    assert isnan(below)  # one average sample costs 10 + 3
    assert at == 1.0
    nothing = Sample(0.0, np.empty(0), np.empty(0, bool))
    assert isnan(pass_at_budget(nothing, np.array([5.0]), 10, RNG)[0])


def test_orders_are_bounded_by_the_size_of_the_run() -> None:
    assert orders_for(100) == 1000
    assert orders_for(250_000) == 80
    assert orders_for(10**9) == 50


def test_expected_sandbox_time_equals_enumeration() -> None:
    draws = [0, 0, 0, 1, 1, 2]  # the program of each of six samples
    seconds = np.array([1.0, 10.0, 100.0])
    times = np.array([3, 2, 1])
    found = expected_seconds(times, seconds, np.full(3, 6), list(range(1, 7)))
    for k in range(1, 7):
        spent = [
            sum(seconds[p] for p in {draws[i] for i in subset})
            for subset in combinations(range(6), k)
        ]
        assert found[k - 1] == pytest.approx(np.mean(spent))
