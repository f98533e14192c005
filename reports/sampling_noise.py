"""How far pass@k would move if the same problems were sampled again: the problems are fixed.

pass@k of a problem is a U-statistic, t = 1 - C(n-c, k) / C(n, k). Of its square's expectation,
(1 - p)^2k, C(n-c, 2k) / C(n, 2k) is an unbiased estimator where n >= 2k, so

    C(n-c, k)^2 / C(n, k)^2 - C(n-c, 2k) / C(n, 2k)

is an unbiased estimator of the variance of t (Hoeffding 1948, "A class of statistics with
asymptotically normal distribution", for U-statistics). Problems are sampled independently, so the
variances add. With n < 2k the samples do not say how much pass@k would move, and nothing is given.

The interval is Wilson's, as in `reports.intervals`, with the normal quantile. Where no variance is
seen, because no sample passes (or all do), the effective size is k of n samples a flip, P n / k of
P problems: for no pass at all that is exact, since among problems whose pass@k have mean m, equal
ones are the likeliest to show none, with chance (1 - m)^(P n / k).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from reports.intervals import UNDEFINED, Estimate, effective_size, wilson
from reports.passk import miss

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Noise:
    """pass@k of each problem and the variance of that estimate: [P, ks], nan where n < 2k."""

    ks: tuple[int, ...]
    n: Ints  # [P]
    value: Floats
    variance: Floats

    def reason(self, column: int, rows: Ints) -> str:
        """Why there is no interval; "" where there is one."""
        k, least = self.ks[column], int(self.n[rows].min()) if len(rows) else 0
        if not len(rows):
            return "undefined: there is no such problem"
        return f"needs n >= 2 k = {2 * k} judged samples, not {least}" if least < 2 * k else ""

    def intervals(self, rows: Ints, confidence: float) -> list[Estimate]:
        """For each k the mean over these problems, and its interval were they sampled again."""
        if not len(rows):
            return [UNDEFINED] * len(self.ks)
        means = self.value[rows].mean(axis=0)
        variance = np.maximum(self.variance[rows].sum(axis=0), 0.0) / len(rows) ** 2
        flips = self.n[rows].sum() / np.asarray(self.ks, np.float64)
        size = effective_size(means, variance, flips)
        return wilson(means, size, NormalDist().inv_cdf((1.0 + confidence) / 2.0))


def noise(n: Ints, c: Ints, ks: Sequence[int]) -> Noise:
    """n, c: [P] judged and passed samples."""
    value = np.full((len(n), len(ks)), math.nan)
    variance = np.full((len(n), len(ks)), math.nan)
    for i, k in enumerate(ks):
        rows = np.flatnonzero(n >= 2 * k)
        if len(rows):
            none, twice = np.moveaxis(miss(n[rows], c[rows], [k, 2 * k]), -1, 0)
            value[rows, i] = 1.0 - none
            variance[rows, i] = none**2 - twice
    return Noise(tuple(ks), n, value, variance)


def difference(first: Noise, second: Noise, rows: Ints, confidence: float) -> list[Estimate]:
    """For each k the mean difference, second less first, were both runs sampled again.

    The runs' samples are independent of each other, so their variances add. nan where one has none.
    """
    quantile = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    answer = []
    for i in range(len(first.ks)):
        if not len(rows):
            answer.append(UNDEFINED)
            continue
        mean = float((second.value[rows, i] - first.value[rows, i]).mean())
        variance = float((first.variance[rows, i] + second.variance[rows, i]).sum())
        half = quantile * math.sqrt(max(variance, 0.0)) / len(rows)
        defined = not math.isnan(variance)
        answer.append(Estimate(mean, mean - half, mean + half) if defined else UNDEFINED)
    return answer
