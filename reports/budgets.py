"""pass@k against what k samples cost.

Two readings of "budget", both drawn from the same samples:

- `curve`: every problem gets k samples. The budget of a problem is prefix + k * own, with the means
  over the problems, so that k(B) = floor((B - prefix) / own): nothing is bought below one sample.
- `pass_at_budget`: every problem gets the same budget B and takes samples in random order until one
  does not fit. With equal costs this is pass@k at k(B), and computed as such; with unequal ones it
  is the mean over random orders. Undefined below one average sample, and beyond the cost of all n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.passk import miss, pass_at_ks

Floats = NDArray[np.float64]

_DRAWS = 20_000_000  # places in random orders, over all problems
_ORDERS = (50, 1000)  # least and most orders a problem


@dataclass(frozen=True, slots=True)
class Sample:
    """The samples of one problem: what is paid once, what each costs, which pass."""

    prefix: float
    costs: Floats  # [n]
    passed: NDArray[np.bool_]  # [n]


def affordable(budget: float, prefix: float, own: float) -> int:
    """k(B) = floor((B - prefix) / own); 0 below one sample. Raises ValueError unless own > 0."""
    if not own > 0:
        raise ValueError(f"a sample must cost something, not {own}")
    # A budget that is exactly k samples must buy k, whatever (prefix + k * own) rounded to.
    return max(0, math.floor((budget - prefix) / own * (1 + 1e-12)))


def orders_for(samples: int) -> int:
    """Random orders a problem when the run has so many samples in all."""
    low, high = _ORDERS
    return int(np.clip(_DRAWS // max(samples, 1), low, high))


def pass_at_budget(
    sample: Sample, budgets: Floats, orders: int, rng: np.random.Generator
) -> Floats:
    """[budgets] chance that a sample bought with the budget passes; nan where undefined."""
    n = len(sample.costs)
    if not n:
        return np.full(len(budgets), math.nan)
    mean = float(sample.costs.mean())
    if not mean > 0:
        return np.full(len(budgets), math.nan)
    least = sample.prefix + mean
    most = sample.prefix + float(sample.costs.sum())
    outside = (budgets < least * (1 - 1e-12)) | (budgets > most * (1 + 1e-12))
    if np.ptp(sample.costs) == 0:
        ks = np.array([affordable(float(b), sample.prefix, mean) for b in budgets])
        chance = np.full(len(budgets), math.nan)
        inside = np.flatnonzero(~outside)
        if inside.size:
            passing = int(sample.passed.sum())
            chance[inside] = pass_at_ks(n, passing, np.clip(ks[inside], 1, n).tolist())
        return chance
    order = rng.permuted(np.broadcast_to(np.arange(n), (orders, n)), axis=1)
    spent = np.cumsum(sample.costs[order], axis=1)  # [orders, n]
    right = sample.passed[order]
    first = np.argmax(right, axis=1)
    needed = np.where(right.any(axis=1), sample.prefix + spent[np.arange(orders), first], math.inf)
    chance = np.searchsorted(np.sort(needed), budgets * (1 + 1e-12), side="right") / orders
    return np.where(outside, math.nan, chance)


def expected_seconds(
    times: NDArray[np.int64], seconds: Floats, n: NDArray[np.int64], ks: list[int]
) -> Floats:
    """[len(ks)] sandbox seconds of k samples a problem, equal programs run once.

    times: [D] how often each distinct program was drawn of its problem's n: [D] samples; seconds:
    [D]. A program is run when it is among the k: with chance 1 - C(n-times, k) / C(n, k). Exact.
    """
    chances = 1.0 - miss(n, times, ks)
    return np.asarray(np.nansum(chances * seconds[:, None], axis=0))
