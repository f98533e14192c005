"""How many samples a problem an interval of a given width needs, told from a pilot of a few.

With q a problem's chance that a sample fails, pass@k from n samples is 1 - U, U = C(n-c, k) /
C(n, k): a U-statistic, whose variance for that problem is (Hoeffding 1948, "A class of statistics
with asymptotically normal distribution", theorem 5.2)

    v(n) = sum_{j=1..k} C(k, j) C(n-k, k-j) / C(n, k) * (q^(2k-j) - q^2k)

since two of its kernels that share j samples both miss with chance q^(2k-j). The means over the
problems of the powers q^m come from the pilot: C(n-c, m) / C(n, m) is unbiased for q^m where n >= m
(Chen et al. 2021, arXiv 2107.03374, equation 1, gives it for m = k). With fewer than 4 k samples
the counts hold q^2k, but not steadily (docs/budgets.md), and beyond n not at all: then all powers
are those of a beta distribution of q, with the pilot's mean and the precision of greatest
likelihood (Skellam 1948, JRSS B 10, the beta-binomial): q^m has mean B(b + m, a) / B(b, a).

- Same problems, sampled again: the variance of the mean is sum v(n) / P^2, and falls as n rises.
- Problems drawn anew: to it comes the variance between problems, which no n lowers. It is what the
  pilot's own variance over units (`reports.intervals`) has beyond sum v(n of the pilot) / P^2.

Widths are those of the intervals that the reports give: Wilson's, with that variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reports import student
from reports.intervals import effective_size, unit_sums, wilson
from reports.passk import miss

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEADY = 2  # times 2 k: samples from which q^2k is taken from the counts
MOST = 100_000  # samples or problems: beyond it a width counts as out of reach
Kind = Literal["same problems", "problems drawn anew"]
KINDS: tuple[Kind, ...] = ("same problems", "problems drawn anew")


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a plan is made from: judged and passed samples of each problem, and its unit."""

    n: Ints  # [P]
    c: Ints  # [P]
    units: Ints  # [P]
    confidence: float = 0.95

    @property
    def problems(self) -> int:
        return len(self.n)

    @property
    def least(self) -> int:
        """Samples that every problem has."""
        return int(self.n.min())


@dataclass(frozen=True, slots=True)
class Plan:
    """n: samples a problem, None where no n gives the width; width: what n, or MOST, is to give.

    problems: how many would give it with the pilot's n; None where `n` is there.
    source: where the powers of q come from.
    """

    kind: Kind
    k: int
    value: float
    wanted: float
    n: int | None
    width: float
    problems: int | None
    source: str


class Powers:
    """Means over the problems of q^m."""

    def __init__(self, pilot: Pilot) -> None:
        self._pilot = pilot
        self._a, self._b = beta(pilot.n, pilot.c)

    def counted(self, m: int) -> float:
        """Needs m <= n of every problem."""
        return float(miss(self._pilot.n, self._pilot.c, [m]).mean())

    def fitted(self, m: int) -> float:
        a, b = self._a, self._b
        return math.exp(
            math.lgamma(b + m) - math.lgamma(b) + math.lgamma(a + b) - math.lgamma(a + b + m)
        )


def beta(n: Ints, c: Ints) -> tuple[float, float]:
    """(a, b) of the chance to pass: mean of the counts, precision of greatest likelihood."""
    mean = (float(c.sum()) + 0.5) / (float(n.sum()) + 1.0)

    def likelihood(log_precision: float) -> float:
        a, b = mean * math.exp(log_precision), (1.0 - mean) * math.exp(log_precision)
        whole = a + b
        return sum(
            times
            * (
                math.lgamma(a + passed)
                + math.lgamma(b + drawn - passed)
                - math.lgamma(whole + drawn)
                + math.lgamma(whole)
                - math.lgamma(a)
                - math.lgamma(b)
            )
            for drawn, passed, times in counted
        )

    pairs, times = np.unique(np.stack([n, c], axis=1), axis=0, return_counts=True)
    counted = [(int(d), int(p), int(t)) for (d, p), t in zip(pairs, times, strict=True)]
    precision = math.exp(maximum(likelihood, -4.0, 10.0))
    return mean * precision, (1.0 - mean) * precision


def maximum(of: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one peak has it: golden section, after a coarse look."""
    grid = np.linspace(low, high, 29)
    top = int(np.argmax([of(float(x)) for x in grid]))
    low, high = float(grid[max(top - 1, 0)]), float(grid[min(top + 1, 28)])
    ratio = (math.sqrt(5.0) - 1.0) / 2.0
    for _ in range(40):
        span = ratio * (high - low)
        if of(high - span) < of(low + span):
            low = high - span
        else:
            high = low + span
    return (low + high) / 2.0


def shares(n: int, k: int) -> Floats:
    """[k + 1] chance that two draws of k of n samples share j; entry 0 is that they share none."""

    def log_choose(top: int, taken: int) -> float:
        return math.lgamma(top + 1) - math.lgamma(taken + 1) - math.lgamma(top - taken + 1)

    return np.array(
        [
            math.exp(log_choose(k, j) + log_choose(n - k, k - j) - log_choose(n, k))
            if k - j <= n - k
            else 0.0
            for j in range(k + 1)
        ]
    )


class Widths:
    """Widths of the interval of pass@k, of either kind, that a run of n samples is to have."""

    def __init__(self, pilot: Pilot, k: int) -> None:
        self._pilot = pilot
        self._k = k
        powers = Powers(pilot)
        # One source for all powers: what two of them differ by must not be that they are two.
        self.fitted = pilot.least < STEADY * 2 * k
        take = powers.fitted if self.fitted else powers.counted
        self._powers = np.array([take(2 * k - j) for j in range(k + 1)])
        self.value = 1.0 - (powers.counted(k) if k <= pilot.least else powers.fitted(k))
        self._between = self._spread()

    def drawn(self, n: int) -> float:
        """Mean over the problems of v(n), by the draw of the samples."""
        gaps = self._powers - self._powers[0]
        return max(float(shares(n, self._k) @ gaps), 0.0)

    def _spread(self) -> float:
        """Variance of the mean that lies between problems."""
        pilot, k = self._pilot, self._k
        sums, sizes = unit_sums(np.zeros((pilot.problems, 1)), pilot.units)
        count = len(sizes)
        if self.fitted or count < 2:
            # Problems of one unit may have one chance: as if they had.
            variance = max(self._powers[0] - self._powers[k] ** 2, 0.0)
            return float(variance * (sizes**2).sum() / pilot.problems**2)
        values = 1.0 - miss(pilot.n, pilot.c, [k])
        sums, sizes = unit_sums(values, pilot.units)
        off = float(((sums[:, 0] - sizes * values.mean()) ** 2).sum())
        seen = count / (count - 1) * off / pilot.problems**2
        own = np.mean([self.drawn(int(n)) for n in np.unique(pilot.n)])
        return max(seen - float(own) / pilot.problems, 0.0)

    def width(self, kind: Kind, n: int, problems: int | None = None) -> float:
        """High less low. problems: of the run; else the pilot's."""
        pilot = self._pilot
        count = problems or pilot.problems
        variance = self.drawn(n) / count
        units = len(np.unique(pilot.units)) * count / pilot.problems
        quantile = NormalDist().inv_cdf((1.0 + pilot.confidence) / 2.0)
        otherwise = count * n / self._k
        if kind == "problems drawn anew":
            variance += self._between * pilot.problems / count
            quantile = student.quantile(pilot.confidence, max(round(units) - 1, 1))
            otherwise = units
        mean = np.array([min(max(self.value, 0.0), 1.0)])
        size = effective_size(mean, np.array([variance]), otherwise)
        (found,) = wilson(mean, size, quantile)
        return found.high - found.low

    def least(self, kind: Kind) -> int:
        """The fewest samples with which a report gives the interval."""
        return 2 * self._k if kind == "same problems" else self._k


def plan(pilot: Pilot, k: int, width: float) -> list[Plan]:
    """For both kinds of interval, the least n whose interval of pass@k is to be `width` wide.

    width: high less low, in (0, 1).
    """
    widths = Widths(pilot, k)
    source = "a beta distribution fitted to the pilot" if widths.fitted else "the pilot's counts"
    found = []
    for kind in KINDS:
        low = widths.least(kind)
        n = smallest(lambda n, kind=kind: widths.width(kind, n) <= width, low)  # type: ignore[misc]  # a default binds the loop's kind
        problems = None
        if n is None:
            own = max(pilot.least, low)
            problems = smallest(
                lambda p, kind=kind, own=own: widths.width(kind, own, p) <= width,  # type: ignore[misc]  # as above
                2,
            )
        given = widths.width(kind, n if n is not None else MOST)
        found.append(Plan(kind, k, widths.value, width, n, given, problems, source))
    return found


def smallest(enough: Callable[[int], bool], low: int) -> int | None:
    """The least whole number from `low` to MOST that is enough; None where none is.

    enough: once true, true of all that follow.
    """
    if not enough(MOST):
        return None
    high = MOST
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low
