"""Unbiased pass@k, and pass@1 and pass@top3 after a ranking with ties as expectations.

Source of pass@k: Chen et al. 2021, "Evaluating Large Language Models Trained on Code" (arXiv
2107.03374), equation 1. The samples are never deduplicated here: equal programs are run once, and
counted as often as they were drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CHUNK = 4_000_000  # entries of the largest array that `miss` makes at once


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """1 - C(n-c, k) / C(n, k) for each problem: does one of k samples pass?

    n, c: samples and correct samples, integers of one shape (or that broadcast). Returns float64 of
    that shape. Raises ValueError, naming n and k, where n < k: pass@k is undefined there.
    """
    return pass_at_ks(n, c, [k])[..., 0]


def pass_at_ks(n: ArrayLike, c: ArrayLike, ks: Sequence[int]) -> Floats:
    """`pass_at_k` for several k at once: [..., len(ks)]. Raises ValueError as it does."""
    return 1.0 - miss(n, c, ks)


def miss(n: ArrayLike, c: ArrayLike, ks: Sequence[int]) -> Floats:
    """C(n-c, k) / C(n, k): the chance that k of n, drawn without replacement, avoid all c.

    In the stable form prod_{j<k} (n-c-j) / (n-j), whose factors all lie in [0, 1]: no binomial
    coefficient is formed. Shapes and errors as in `pass_at_ks`.
    """
    n_all, c_all = np.broadcast_arrays(np.asarray(n, np.int64), np.asarray(c, np.int64))
    if not len(ks) or min(ks) < 1:
        raise ValueError(f"pass@k needs k >= 1, not {list(ks)}")
    k_max = max(ks)
    if n_all.size and int(n_all.min()) < k_max:
        raise ValueError(
            f"pass@k is undefined for n < k: n = {int(n_all.min())}, k = {k_max}; draw more samples"
        )
    if (c_all < 0).any() or (c_all > n_all).any():
        raise ValueError("pass@k needs 0 <= c <= n")
    # Few (n, c) pairs differ, so the products are made once for each of them. Sorted as one number
    # each, which is ten times faster.
    base = int(n_all.max(initial=0)) + 1
    pairs, where = np.unique(n_all.ravel() * base + c_all.ravel(), return_inverse=True)
    wanted = np.asarray(ks, np.int64) - 1
    out = np.empty((len(pairs), len(wanted)))
    rows = max(1, _CHUNK // k_max)
    j = np.arange(k_max)
    for start in range(0, len(pairs), rows):
        own = pairs[start : start + rows, None]
        n_row, c_row = (own // base).astype(np.float64), (own % base).astype(np.float64)
        factors = np.maximum(n_row - c_row - j, 0.0) / (n_row - j)
        out[start : start + rows] = np.cumprod(factors, axis=1)[:, wanted]
    return out[where.ravel()].reshape(*n_all.shape, len(wanted))


def pass_at_top(
    problem: ArrayLike, score: ArrayLike, passed: ArrayLike, m: int, problems: int
) -> Floats:
    """Chance that one of the m best-scored programs of each problem passes.

    problem: [P] number of the problem of each *distinct* program, in [0, problems); score: [P],
    higher is better; passed: [P] bool. Equal scores are ordered uniformly at random and the result
    is the exact expectation: with r places left for a group of t tied programs, p of them correct,
    the chance is 1 - C(t-p, r) / C(t, r). A problem with fewer than m programs shows them all.

    Returns [problems] float64; nan for a problem without programs or with a nan score. Independent
    of the order of the programs.
    """
    if m < 1:
        raise ValueError(f"pass@top-m needs m >= 1, not {m}")
    owner = np.asarray(problem, np.int64)
    value = np.asarray(score, np.float64)
    right = np.asarray(passed, bool)
    out = np.zeros(problems)
    counts = np.bincount(owner, minlength=problems)
    undefined = np.bincount(owner, weights=np.isnan(value), minlength=problems) > 0
    out[(counts == 0) | undefined] = np.nan
    order = np.lexsort((-value, owner))
    owner, value, right = owner[order], value[order], right[order]
    if not owner.size:
        return out
    # Groups: runs of one problem and one score.
    first = np.ones(len(owner), bool)
    first[1:] = (owner[1:] != owner[:-1]) | (value[1:] != value[:-1])
    begin = np.flatnonzero(first)
    group_owner = owner[begin]
    size = np.diff(np.append(begin, len(owner)))
    good = np.add.reduceat(right.astype(np.int64), begin)
    start_of_problem = np.searchsorted(owner, group_owner)
    places = np.minimum(m - (begin - start_of_problem), size)  # left for this group
    shown = np.flatnonzero((places > 0) & ~undefined[group_owner])
    none = np.ones(problems)
    for places_left in np.unique(places[shown]):
        rows = shown[places[shown] == places_left]
        np.multiply.at(
            none, group_owner[rows], miss(size[rows], good[rows], [int(places_left)])[:, 0]
        )
    return np.where(np.isnan(out), np.nan, 1.0 - none)
