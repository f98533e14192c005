"""Orders of a problem's programs: ranks, and how several orders are joined to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def dense_ranks(problem: Ints, scores: Floats) -> Ints:
    """[programs] 0 for a problem's lowest score, 1 for the next higher one, ...; nan is lowest."""
    value = np.where(np.isnan(scores), -np.inf, scores)
    order = np.lexsort((value, problem))
    fresh = np.ones(len(order), bool)
    fresh[1:] = problem[order][1:] != problem[order][:-1]
    step = np.ones(len(order), np.int64)
    step[1:] = value[order][1:] != value[order][:-1]
    step[fresh] = 0
    total = np.cumsum(step)
    base = np.maximum.accumulate(np.where(fresh, total, 0)) if len(order) else total
    ranks = np.empty(len(order), np.int64)
    ranks[order] = total - base
    return ranks


def then(problem: Ints, primary: Ints, secondary: Floats) -> Floats:
    """[programs] whole numbers, with a fraction in [0, 1) that orders equal ones by `secondary`.

    Where `secondary` is undefined, equal ones stay equal.
    """
    ranks = dense_ranks(problem, secondary)
    highest = np.zeros(int(problem.max()) + 1 if problem.size else 0)
    np.maximum.at(highest, problem, ranks)
    return np.asarray(primary + ranks / (highest[problem] + 1.0))


def lexicographic(problem: Ints, scores: Sequence[Floats]) -> Floats:
    """[programs] rank by the first scores, then by the next where those are equal, ...

    nan where one of the scores is.
    """
    joint = np.zeros(len(problem))
    for score in scores:
        ranks = dense_ranks(problem, score)
        joint = dense_ranks(problem, joint * (int(ranks.max(initial=0)) + 1) + ranks).astype(float)
    undefined = np.any([np.isnan(score) for score in scores], axis=0)
    return np.where(undefined, np.nan, joint)


def shares_beaten(problem: Ints, scores: Floats) -> Floats:
    """[programs] share of the problem's other programs that score lower; ties count half.

    nan where the score is, 0.5 for a program without others.
    """
    value = np.where(np.isnan(scores), -np.inf, scores)
    order = np.lexsort((value, problem))
    owner, ordered = problem[order], value[order]
    count = np.bincount(problem) if problem.size else np.zeros(0, np.int64)
    begin = np.searchsorted(owner, owner, side="left")
    same = np.ones(len(order), bool)
    same[1:] = (owner[1:] != owner[:-1]) | (ordered[1:] != ordered[:-1])
    group = np.cumsum(same) - 1
    first = np.flatnonzero(same)
    size = np.diff(np.append(first, len(order)))
    lower = first[group] - begin + (size[group] - 1) / 2
    others = count[owner] - 1
    share = np.where(others > 0, lower / np.maximum(others, 1), 0.5)
    out = np.empty(len(order))
    out[order] = share
    return np.where(np.isnan(scores), np.nan, out)
