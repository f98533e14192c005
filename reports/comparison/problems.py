"""Problems won and lost.

A problem is won where the share of its samples that pass is higher in the second run, lost where it
is lower. With n samples most of that is the draw; a problem `stands out` where Fisher's exact test
of its samples alone says so after Holm's correction over all problems.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.comparison.pairs import Pair
from reports.differences import holm
from reports.scopes import Scope

Ints = NDArray[np.int64]

_TIE = 1.0 + 1e-7  # tables as likely as the one seen count, rounding aside


def fisher(n1: Ints, c1: Ints, n2: Ints, c2: Ints) -> NDArray[np.float64]:
    """[P] two-sided p-value that c1 of n1 and c2 of n2 come from one chance (Fisher 1935).

    The sum over all tables with the same margins that are at most as likely as the one seen.
    """
    most = int((n1 + n2).max(initial=0))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])

    def log_choose(n: int, k: Ints) -> NDArray[np.float64]:
        return np.asarray(log_factorial[n] - log_factorial[k] - log_factorial[n - k])

    def one(a: int, x: int, b: int, y: int) -> float:
        passed = x + y
        c = np.arange(max(0, passed - b), min(a, passed) + 1)
        log_p = log_choose(a, c) + log_choose(b, passed - c)
        chance = np.exp(log_p - log_p.max())
        return float(chance[chance <= chance[x - c[0]] * _TIE].sum() / chance.sum())

    tables, where = np.unique(np.stack([n1, c1, n2, c2], axis=1), axis=0, return_inverse=True)
    found = np.array([one(*(int(v) for v in row)) for row in tables])
    return np.asarray(np.minimum(found, 1.0)[where.ravel()]) if len(n1) else np.empty(0)


def listed(both: Pair, confidence: float) -> list[dict[str, Any]]:
    """A row for every common problem, in the order of the pair."""
    first, second = both.first.counts, both.second.counts
    p = fisher(first.n, first.c, second.n, second.c)
    adjusted = holm(p.tolist())
    answer = []
    for i in range(both.problems):
        n = int(first.n[i]), int(second.n[i])
        c = int(first.c[i]), int(second.c[i])
        change = c[1] / n[1] - c[0] / n[0] if all(n) else math.nan
        answer.append(
            {
                "dataset": first.dataset[i],
                "language": first.language[i],
                "task_id": first.task_id[i],
                "first": {"n": n[0], "c": c[0]},
                "second": {"n": n[1], "c": c[1]},
                "difference": change,
                "p_adjusted": adjusted[i],
                "stands_out": adjusted[i] < 1.0 - confidence,
            }
        )
    return answer


def tally_of(rows: list[dict[str, Any]], scope: Scope) -> dict[str, int]:
    """How many problems of a scope are won, lost, and beyond the draw of their samples."""
    own = [rows[i] for i in scope.rows]
    won = [row for row in own if row["difference"] > 0]
    lost = [row for row in own if row["difference"] < 0]
    return {
        "won": len(won),
        "lost": len(lost),
        "equal": sum(row["difference"] == 0 for row in own),
        "not_judged": sum(math.isnan(row["difference"]) for row in own),
        "won_standing_out": sum(row["stands_out"] for row in won),
        "lost_standing_out": sum(row["stands_out"] for row in lost),
        "newly_solved": sum(not row["first"]["c"] and row["second"]["c"] > 0 for row in own),
        "no_longer_solved": sum(row["first"]["c"] > 0 and not row["second"]["c"] for row in own),
    }


def by_size(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that differ, the largest difference first."""
    differing = [row for row in rows if abs(row["difference"]) > 0]
    return sorted(
        differing,
        key=lambda row: (
            not row["stands_out"],
            -abs(row["difference"]),
            row["dataset"],
            row["language"],
            row["task_id"],
        ),
    )
