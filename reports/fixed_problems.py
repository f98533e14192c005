"""Did a share of passes fall on these very problems? Exact tests, with the problems fixed.

The question of a nightly gate: the same problems are sampled again, and nothing is asked of others.
Were nothing changed, the n1 + n2 samples of a problem would all be alike, and which of them belong
to the second run would be chance: of t passes, the second run's follow a hypergeometric law (Fisher
1935, section 21, by problem; Cochran 1954 and Mantel and Haenszel 1959 for strata). The sum over
problems is the statistic. Its law is their convolution, computed exactly through the discrete
Fourier transform. With one sample a problem it is McNemar's exact test.

Unlike `differences.sign_flip` it does not take for noise what a change does to problems unevenly,
and its p-value has no floor, so that a night of hundreds of gates can fail one. With k > 1 there is
no such law, and sign flips are what is left.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 1e-12  # of a p-value: the transform's rounding lies below
_CHUNK = 4_000_000  # entries of the largest array held at once


def fell(n: tuple[int, int], first: Ints, second: Ints) -> Floats:
    """[tests] one-sided p-value: the chance of no more passes in the second run, had none changed.

    n: samples a problem in the two runs. first, second: [problems, tests] passes. 1 where there is
    no problem. Discrete, so under no change p < a has at most chance a.
    """
    n1, n2 = n
    problems, tests = first.shape
    totals = first + second
    every = n1 + n2
    seen = second.sum(axis=0)
    chance = totals / every
    mean = n2 * chance.sum(axis=0)
    variance = n1 * n2 / max(every - 1, 1) * (chance * (1.0 - chance)).sum(axis=0)
    # Bernstein's bound leaves less than e^-70 outside of this, in front of which LEAST is large.
    reach = np.ceil(12.0 * np.sqrt(variance) + 100.0)
    length = 1 << int(min(2 * reach.max(initial=0.0) + 2, problems * n2 + 1)).bit_length()
    low = np.maximum(np.floor(mean - reach), 0.0).astype(np.int64)
    kinds = np.unique(totals)
    logs = np.log(transforms(hypergeometric(n1, n2, kinds), length))
    out = np.empty(tests)
    step = max(1, _CHUNK // max(length, problems * len(kinds)))
    for start in range(0, tests, step):
        rows = slice(start, start + step)
        counts = (totals[:, rows, None] == kinds).sum(axis=0).astype(np.complex128)
        law = np.fft.irfft(np.exp(counts @ logs), length, axis=1)
        at = (low[rows, None] + np.arange(length)) % length
        law = np.take_along_axis(law, at, axis=1)
        below = np.arange(length) <= (seen[rows] - low[rows])[:, None]
        out[rows] = np.where(below, law, 0.0).sum(axis=1)
    return np.clip(out, LEAST, 1.0)


def hypergeometric(n1: int, n2: int, totals: Ints) -> Floats:
    """[totals, n2 + 1] chance that x of n2 samples pass, of n1 + n2 samples with so many passes."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n1 + n2 + 1)))])

    def log_choose(a: int, b: Ints) -> Floats:
        inside = (b >= 0) & (b <= a)
        c = np.where(inside, b, 0)
        value = log_factorial[a] - log_factorial[c] - log_factorial[a - c]
        return np.where(inside, value, -math.inf)

    x = np.arange(n2 + 1)
    t = totals[:, None]
    whole = log_factorial[n1 + n2] - log_factorial[t] - log_factorial[n1 + n2 - t]
    return np.asarray(np.exp(log_choose(n2, x) + log_choose(n1, t - x) - whole))


def transforms(laws: Floats, length: int) -> NDArray[np.complex128]:
    """[laws, length // 2 + 1] characteristic functions; sums count modulo `length`."""
    pad = -laws.shape[1] % length
    folded = np.pad(laws, ((0, 0), (0, pad))).reshape(len(laws), -1, length).sum(axis=1)
    found = np.fft.rfft(folded, axis=1)
    size = np.abs(found)
    return np.asarray(np.where(size < 1e-300, 1e-300, found))


def above(samples: int, seen: int, limit: float) -> float:
    """One-sided p-value: the chance of at least so many of `samples`, were the share at the limit.

    The binomial tail. Where chances differ by problem the truth is smaller still (Hoeffding 1956,
    "On the distribution of the number of successes in independent trials").
    """
    if seen <= samples * limit:
        return 1.0
    x = np.arange(seen, samples + 1)
    steps = np.log(samples - x[:-1]) - np.log(x[1:])  # ratio of neighbouring terms
    first = (
        math.lgamma(samples + 1)
        - math.lgamma(seen + 1)
        - math.lgamma(samples - seen + 1)
        + seen * math.log(limit)
        + (samples - seen) * math.log1p(-limit)
    )
    odds = math.log(limit) - math.log1p(-limit)
    terms = first + np.concatenate([[0.0], np.cumsum(steps + odds)])
    return float(min(1.0, max(LEAST, np.exp(terms).sum())))
