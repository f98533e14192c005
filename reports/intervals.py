"""Intervals of a mean of values in [0, 1] over problems, for problems drawn anew.

Wilson's score interval with an effective sample size and Student's quantile. The variance of the
mean comes from the problems, so it holds what the problems and the samples contribute; the
effective size is the number of coin flips that would have that variance. Sources: Wilson 1927
(JASA 22); Kish 1965, "Survey Sampling", section 8.2; Franco, Little, Louis and Slud 2019 (Journal
of Survey Statistics and Methodology 7), who compare such intervals. With many problems the
percentile bootstrap agrees with it; with 20 problems of one sample each and a pass@1 of 3 %,
percentile, BCa and studentised bootstrap hold the truth in 48, 48 and 47 of 100 simulations, this
one in 97 (docs/compare.md).

The samples of one problem are not independent of each other, and the same problem in several
languages is one unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.records import digest
from reports import student

Floats = NDArray[np.float64]

_EQUAL = 1e-12  # of the variance of coin flips: rounding, not spread


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its interval; nan where undefined (an interval needs two units)."""

    value: float
    low: float
    high: float


UNDEFINED = Estimate(math.nan, math.nan, math.nan)


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream of this name: Philox, keyed by the seed and the names."""
    key = int(digest("reports", str(seed), *names)[:32], 16)
    return np.random.Generator(np.random.Philox(key=key))


def disjoint(a: Estimate, b: Estimate) -> bool:
    """Whether two intervals share no point; False where either is undefined."""
    if any(math.isnan(x) for x in (a.low, a.high, b.low, b.high)):
        return False
    return a.high < b.low or b.high < a.low


def over_problems(
    values: Floats, units: NDArray[np.int64], confidence: float = 0.95
) -> list[Estimate]:
    """Mean of each column over the rows, with its interval.

    values: [problems, metrics] in [0, 1]; units: [problems], equal for rows that are one unit. A
    column with a nan is undefined as a whole: a mean over the rest would be of other problems.
    Where all problems agree, the interval is that of as many coin flips as there are units.
    """
    if values.ndim != 2 or len(values) != len(units):
        raise ValueError(f"values {values.shape} and units {units.shape} do not match")
    if not len(values):
        return [UNDEFINED] * values.shape[1]
    means = values.mean(axis=0)
    sums, sizes = unit_sums(values, units)
    count = len(sizes)
    if count < 2:
        return [Estimate(float(mean), math.nan, math.nan) for mean in means]
    # A ratio, sum of values by number of problems, linearised: units may differ in size.
    off = sums - sizes[:, None] * means
    variance = count / (count - 1) * (off**2).sum(axis=0) / len(values) ** 2
    size = effective_size(means, variance, float(count))
    return wilson(means, size, student.quantile(confidence, count - 1))


def unit_sums(values: Floats, units: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """[units, metrics] sums of the rows of each unit, and [units] how many rows it has."""
    _, unit = np.unique(units, return_inverse=True)
    sizes = np.bincount(unit).astype(np.float64)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, unit, values)
    return sums, sizes


def effective_size(means: Floats, variance: Floats, otherwise: Floats | float) -> Floats:
    """How many coin flips of chance `means` have that variance of the mean; else `otherwise`."""
    flips = means * (1.0 - means)
    spread = variance > _EQUAL * np.maximum(flips, _EQUAL)
    return np.where(spread, flips / np.where(spread, variance, 1.0), otherwise)


def wilson(means: Floats, size: Floats, quantile: float) -> list[Estimate]:
    """Wilson's score interval of each mean; nan stays nan."""
    square = quantile**2 / size
    middle = (means + square / 2.0) / (1.0 + square)
    half = np.sqrt(np.maximum(means * (1.0 - means) + square / 4.0, 0.0) * square) / (1.0 + square)
    low = np.clip(middle - half, 0.0, means)  # rounding alone would put the mean outside
    high = np.clip(middle + half, means, 1.0)
    return [
        Estimate(float(m), float(lo), float(hi)) if not math.isnan(m) else UNDEFINED
        for m, lo, hi in zip(means, low, high, strict=True)
    ]
