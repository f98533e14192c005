"""Is one run better than another on the same problems? Intervals, p-values, their correction.

Paired by problem: what is resampled or flipped is a problem's difference, so problems that are hard
for both cost no certainty. The same problem in several languages is one unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import student
from reports.intervals import UNDEFINED, Estimate, unit_sums

Floats = NDArray[np.float64]

FLIPS = 9999  # sign patterns of a permutation test; all of them where there are fewer
_CHUNK = 4_000_000  # entries of the largest matrix of weights or signs held at once
_ROUNDING = 1e-12  # relative: equal sums in another order


def paired_bootstrap(
    differences: Floats,
    units: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> list[Estimate]:
    """Mean difference of each column, with its interval for problems drawn anew.

    mean +- t * se: the bootstrap standard error over units (Efron and Tibshirani 1993, section 6),
    widened by sqrt(G / (G - 1)) for G units, with Student's quantile for G - 1. For differences,
    which spread about evenly to both sides, this holds the truth more often than the percentile,
    BCa and studentised intervals of the same resamples (docs/compare.md).

    differences: [problems, metrics]; units: [problems]. A column with a nan is undefined as a
    whole. Two units at least, else there is no interval.
    """
    if not len(differences):
        return [UNDEFINED] * differences.shape[1]
    means = differences.mean(axis=0)
    sums, sizes = unit_sums(differences, units)
    count = len(sizes)
    if count < 2:
        return [Estimate(float(mean), math.nan, math.nan) for mean in means]
    table = np.concatenate([sums, sizes[:, None]], axis=1)
    drawn = np.empty((resamples, differences.shape[1]))
    step = max(1, _CHUNK // count)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picks = rng.integers(0, count, size=(rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)
        totals = weights.astype(np.float64) @ table
        drawn[start : start + rows] = totals[:, :-1] / totals[:, -1:]
    half = (
        student.quantile(confidence, count - 1)
        * drawn.std(axis=0, ddof=1)
        * math.sqrt(count / (count - 1))
    )
    return [
        Estimate(float(m), float(m - h), float(m + h)) if not math.isnan(m) else UNDEFINED
        for m, h in zip(means, half, strict=True)
    ]


def sign_flip(differences: Floats, units: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """[metrics] two-sided p-value of each column's mean: the permutation test of paired data.

    Were the two runs alike, each unit's difference could as well have had the other sign (Fisher
    1935, "The Design of Experiments", section 21). The p-value is the share of sign patterns whose
    mean is at least as far from 0, the observed one counted among them (Phipson and Smyth 2010), so
    it is never 0; with few units all patterns are taken and it is exact. All patterns have one sum
    of squares, so Student's statistic would give the same. 1 where no problem differs; nan where a
    column holds a nan or there is no problem.
    """
    sums, _ = unit_sums(differences, units)
    if not len(sums):
        return np.full(differences.shape[1], math.nan)
    seen = np.abs(sums.sum(axis=0))
    limit = seen - _ROUNDING * np.abs(sums).sum(axis=0)
    everything = 2 ** (len(sums) - 1) <= FLIPS  # the first sign may stay: -d is as far as d
    patterns = all_signs(len(sums)) if everything else random_signs(len(sums), rng)
    total, extreme = 0, np.zeros(differences.shape[1])
    for signs in patterns:
        total += len(signs)
        extreme += (np.abs(signs @ sums) >= limit).sum(axis=0)
    p = extreme / total if everything else (extreme + 1.0) / (total + 1.0)
    return np.where(np.isnan(seen), math.nan, p)


def all_signs(count: int) -> Iterator[Floats]:
    """Every pattern of signs whose first is plus."""
    codes = np.arange(2 ** (count - 1))[:, None] >> np.arange(count - 1)
    yield np.concatenate([np.ones((len(codes), 1)), 1.0 - 2.0 * (codes & 1)], axis=1)


def random_signs(count: int, rng: np.random.Generator) -> Iterator[Floats]:
    """FLIPS patterns, some at a time."""
    step = max(1, _CHUNK // count)
    for start in range(0, FLIPS, step):
        shape = (min(step, FLIPS - start), count)
        yield np.asarray(1.0 - 2.0 * rng.integers(0, 2, size=shape), np.float64)


def holm(p: Sequence[float]) -> list[float]:
    """The p-values corrected for being many: below a level, all of them together err that seldom.

    Holm 1979 (Scandinavian J. of Statistics 6). nan is no comparison and stays nan.
    """
    values = np.asarray(p, np.float64)
    order = [int(i) for i in np.argsort(values, kind="stable") if not math.isnan(values[i])]
    out: Any = np.full(len(values), math.nan)
    least = 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * float(values[i])))
        out[i] = least
    return [float(x) for x in out]
