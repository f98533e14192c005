"""Bootstrap percentile intervals over problems.

Source: Efron 1979; the percentile interval of Efron and Tibshirani 1993, section 13.3. What is
resampled is the problem: the samples of one problem are not independent of each other. The same
problem in several languages is one unit, so its languages are resampled together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.records import digest

_CHUNK = 4_000_000  # entries of the largest weight matrix held at once


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its interval; nan where undefined (an interval needs two units)."""

    value: float
    low: float
    high: float


def stream(seed: int, *names: str) -> np.random.Generator:
    """The random stream of this name: Philox, keyed by the seed and the names."""
    key = int(digest("reports", str(seed), *names)[:32], 16)
    return np.random.Generator(np.random.Philox(key=key))


def disjoint(a: Estimate, b: Estimate) -> bool:
    """Whether two intervals share no point; False where either is undefined."""
    if any(math.isnan(x) for x in (a.low, a.high, b.low, b.high)):
        return False
    return a.high < b.low or b.high < a.low


def bootstrap(
    values: NDArray[np.float64],
    units: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> list[Estimate]:
    """Mean of each column over the rows, with a percentile interval.

    values: [problems, metrics]; units: [problems], equal for rows that are resampled together.
    A column with a nan is undefined as a whole: a mean over the rest would be of other problems.
    All columns share the resamples, so differences between them can be read off.
    """
    if values.ndim != 2 or len(values) != len(units):
        raise ValueError(f"values {values.shape} and units {units.shape} do not match")
    columns = values.shape[1]
    if not len(values):
        return [Estimate(math.nan, math.nan, math.nan)] * columns
    _, unit = np.unique(units, return_inverse=True)
    count = int(unit.max()) + 1
    means = values.mean(axis=0)
    if count < 2:
        return [Estimate(float(mean), math.nan, math.nan) for mean in means]
    sums = np.zeros((count, columns + 1))
    np.add.at(sums, unit, np.concatenate([values, np.ones((len(values), 1))], axis=1))
    drawn = np.empty((resamples, columns))
    step = max(1, _CHUNK // count)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        picks = rng.integers(0, count, size=(rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)
        totals = weights.astype(np.float64) @ sums
        drawn[start : start + rows] = totals[:, :-1] / totals[:, -1:]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return [
        Estimate(float(m), float(lo), float(hi)) if not math.isnan(m) else _UNDEFINED
        for m, lo, hi in zip(means, low, high, strict=True)
    ]


_UNDEFINED = Estimate(math.nan, math.nan, math.nan)
