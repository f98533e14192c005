"""How far pass@k moves when the same problems are sampled again."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pytest

from reports.intervals import Estimate
from reports.passk import pass_at_k
from reports.sampling_noise import difference, noise

SIMULATIONS = 1000


def one(n: list[int], c: list[int], k: int) -> Estimate:
    return noise(np.array(n), np.array(c), [k]).intervals(np.arange(len(n)), 0.95)[0]


@pytest.mark.parametrize("k", [1, 2])
def test_the_variance_is_unbiased(k: int) -> None:
    n, p = 5, 0.3
    exact = mean = second = 0.0
    for outcome in product((0, 1), repeat=n):  # every run of five samples, with its chance
        c = sum(outcome)
        chance = p**c * (1 - p) ** (n - c)
        value = float(pass_at_k(n, c, k))
        mean += chance * value
        second += chance * value**2
        exact += chance * float(noise(np.array([n]), np.array([c]), [k]).variance[0, 0])
    assert exact == pytest.approx(second - mean**2)


def test_the_variance_is_that_over_pairs_of_disjoint_draws() -> None:
    n, c, k = 7, 3, 2
    passes = [True] * c + [False] * (n - c)
    draws = list(combinations(range(n), k))
    fails = [not any(passes[i] for i in draw) for draw in draws]
    apart = [a and b for (a, s), (b, t) in product(zip(fails, draws, strict=True), repeat=2)
             if not set(s) & set(t)]  # fmt: skip
    expected = float(np.mean(fails)) ** 2 - float(np.mean(apart))
    found = noise(np.array([n]), np.array([c]), [k]).variance[0, 0]
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("problems", "a", "b", "n", "k"),
    [
        (164, 0.5, 1.2, 20, 1),
        (164, 0.5, 1.2, 20, 10),
        (164, 0.5, 1.2, 200, 100),
        (164, 0.1, 3.0, 20, 1),  # pass@1 of 3 %
        (164, 3.0, 0.2, 20, 1),  # pass@1 of 95 %
        (164, 0.5, 1.2, 2, 1),
        (20, 0.5, 1.2, 20, 1),
        (20, 0.1, 3.0, 20, 1),
        (20, 3.0, 0.2, 20, 1),
    ],
)
def test_holds_the_truth_in_93_to_97_of_100(
    problems: int, a: float, b: float, n: int, k: int
) -> None:
    """The problems stay; every simulation samples them again."""
    rng = np.random.default_rng(11)
    p = rng.beta(a, b, problems)
    truth = float(np.mean(1.0 - (1.0 - p) ** k))
    inside = 0
    for _ in range(SIMULATIONS):
        found = one([n] * problems, rng.binomial(n, p).tolist(), k)
        inside += found.low <= truth <= found.high
    assert 0.93 <= inside / SIMULATIONS <= 0.97


@pytest.mark.parametrize(("problems", "n", "k"), [(164, 20, 1), (164, 20, 10), (20, 20, 1)])
def test_so_do_intervals_of_differences(problems: int, n: int, k: int) -> None:
    """Two runs of other chances on the same problems, both sampled again in every simulation."""
    rng = np.random.default_rng(13)
    p = rng.beta(0.5, 1.2, problems)
    q = np.clip(p + rng.normal(-0.05, 0.1, problems), 0.0, 1.0)
    truth = float(np.mean((1.0 - p) ** k - (1.0 - q) ** k))
    rows, counts = np.arange(problems), np.full(problems, n)
    inside = 0
    for _ in range(SIMULATIONS):
        first, second = (noise(counts, rng.binomial(n, chance), [k]) for chance in (p, q))
        found = difference(first, second, rows, 0.95)[0]
        inside += found.low <= truth <= found.high
    assert 0.93 <= inside / SIMULATIONS <= 0.97


def test_is_narrower_than_that_of_problems_drawn_anew_and_falls_with_n() -> None:
    few, many = one([10] * 50, [2, 8] * 25, 1), one([1000] * 50, [200, 800] * 25, 1)
    assert few.value == many.value == 0.5
    assert few.high - few.low == pytest.approx(10 * (many.high - many.low), rel=0.1)


def test_no_pass_at_all_bounds_what_could_be() -> None:
    found = one([20] * 10, [0] * 10, 1)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1.96**2 / (200 + 1.96**2), rel=1e-3)


def test_too_few_samples_say_nothing_and_why() -> None:
    found = noise(np.array([10, 19]), np.array([3, 4]), [1, 10])
    first, second = found.intervals(np.arange(2), 0.95)
    assert first.low < first.value < first.high
    assert math.isnan(second.value)
    assert found.reason(0, np.arange(2)) == ""
    assert found.reason(1, np.arange(2)) == "needs n >= 2 k = 20 judged samples, not 10"
    empty = np.array([], np.int64)
    assert math.isnan(found.intervals(empty, 0.95)[0].value)
    assert "no such problem" in found.reason(0, empty)
