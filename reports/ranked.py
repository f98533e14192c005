"""pass@1 and pass@top-m after ranking k samples, or those that a budget buys, out of n.

For rankers whose score of a program does not depend on which other samples there are; for others
`reports.joined`. Programs that are
equal are one program, as in `reports.passk.pass_at_top`; equal scores are put in random order.

`chances` is exact for k samples drawn without replacement. With L(a) = C(n-a, k) / C(n, k), the
chance that a given samples are all left out, the best program is d with chance L(H) - L(H + t): t
times drawn, H samples scored higher. For m > 1 programs are gone through from the best: each is
left out, z^t, or there, 1 - z^t, and after m that are there and fail the problem has failed; L is
linear, so it is applied to the polynomial at the end (inclusion and exclusion).

`at_budgets` takes samples in random order until one does not fit; where all cost the same that is
`chances` at the k that the budget affords.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reports.budgets import affordable
from reports.passk import miss

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The distinct programs of one problem."""

    times: Ints  # [D] how often each was drawn
    passed: Bools  # [D]
    score: Floats  # [D] higher is better

    @property
    def undecided(self) -> bool:
        """Whether the order of equal scores decides anything."""
        order = np.argsort(self.score)
        value, right = self.score[order], self.passed[order]
        return bool(((value[1:] == value[:-1]) & (right[1:] != right[:-1])).any())


def chances(
    problem: Ranked, ks: list[int], tops: tuple[int, ...], orders: int, rng: np.random.Generator
) -> Floats:
    """[tops, ks] chance that one of the best m of k samples' programs passes.

    orders: of equal scores, over which the mean is taken where they decide. Needs max(ks) <= n.
    """
    n = int(problem.times.sum())
    left_out = left_outs(n, tuple(ks))
    rounds = orders if problem.undecided else 1
    total = np.zeros((len(tops), len(ks)))
    for _ in range(rounds):
        order = strict(problem.score, rng)
        times, passed = problem.times[order], problem.passed[order]
        for i, m in enumerate(tops):
            total[i] += (
                first_passes(times, passed, left_out)
                if m == 1
                else 1.0 - none_passes(times, passed, m, n) @ left_out
            )
    return total / rounds


@lru_cache(maxsize=64)  # most problems of a run have one n
def left_outs(n: int, ks: tuple[int, ...]) -> Floats:
    """[a, ks] L(a), for a from 0 to n."""
    return miss(n, np.arange(n + 1), ks)


def strict(score: Floats, rng: np.random.Generator) -> Ints:
    """[D] programs from the best, equal ones in random order."""
    return np.lexsort((rng.permutation(len(score)), -score))


def first_passes(times: Ints, passed: Bools, left_out: Floats) -> Floats:
    """[ks] chance that the best program there passes; programs from the best."""
    upto = np.cumsum(times)
    best = left_out[upto - times] - left_out[upto]  # [D, ks]
    return np.asarray(best[passed].sum(axis=0))


def none_passes(times: Ints, passed: Bools, m: int, n: int) -> Floats:
    """[n + 1] coefficients of z^a in the chance that none of the best m there passes.

    A program that was drawn t times is absent by z^t and there by 1 - z^t. Exponents are counted
    down from that of all programs so far: then one that is absent changes nothing, one that is
    there moves by t, and only the failing ones [F] need be looked at, all at once.
    """
    own = times[~passed]
    upto = np.cumsum(times)[~passed]
    width = 1 + int(np.sort(own)[-m:].sum())
    down = np.arange(width)
    found = np.zeros(n + 1)
    found[n] = 1.0  # none there
    seen = np.zeros((len(own), width))  # [F, width] before each program, 0 there and failed
    seen[:, 0] = 1.0
    moved = down - own[:, None]
    inside = moved >= 0
    # In `seen` as it lies: the same places in every round.
    source = np.maximum(moved, 0) + width * np.arange(len(own))[:, None]
    for count in range(1, m + 1):
        there = np.take(seen, source) * inside - seen
        if count == m:  # whoever follows does not matter
            at = upto[:, None] - down
            kept = at >= 0
            found += np.bincount(at[kept], there[kept], n + 1)
        else:
            upto_each = np.zeros((len(own) + 1, width))
            np.cumsum(there, axis=0, out=upto_each[1:])
            found[n - down] += upto_each[-1]
            seen = upto_each[:-1]
    return found


def at_budgets(
    problem: Ranked,
    program: Ints,
    costs: Floats,
    prefix: float,
    budgets: Floats,
    tops: tuple[int, ...],
    orders: int,
    rng: np.random.Generator,
) -> Floats:
    """[tops, budgets] chance that one of the best m programs passes, of those a budget buys.

    program: [n] number of each sample's program; costs: [n]; prefix: paid once. Undefined, nan,
    below the mean cost of one sample and beyond the cost of all. Where a first sample costs more
    than the budget nothing was bought, and nothing passes.
    """
    n = len(program)
    mean = float(costs.mean()) if n else 0.0
    if not mean > 0:
        return np.full((len(tops), len(budgets)), math.nan)
    outside = (budgets < (prefix + mean) * (1 - 1e-12)) | (
        budgets > (prefix + costs.sum()) * (1 + 1e-12)
    )
    if np.ptp(costs) == 0:
        ks = [min(max(affordable(float(b), prefix, mean), 1), n) for b in budgets]
        return np.where(outside, math.nan, chances(problem, ks, tops, orders, rng))
    order = rng.permuted(np.broadcast_to(np.arange(n), (orders, n)), axis=1)
    spent = prefix + np.cumsum(costs[order], axis=1)
    programs = len(problem.score)
    settled = [strict(problem.score, rng) for _ in range(orders if problem.undecided else 1)]
    place = np.empty((len(settled), programs), np.int64)  # 1 for the worst program, D for the best
    np.put_along_axis(place, np.array(settled), np.arange(programs, 0, -1)[None], axis=1)
    rank = np.take_along_axis(np.broadcast_to(place, (orders, programs)), program[order], axis=1)
    bought = np.stack([(spent <= b * (1 + 1e-12)).sum(axis=1) for b in budgets], axis=1)
    shown = running_best(rank, max(tops))  # [m, orders, n], 0 for none
    by_place = np.zeros((orders, programs + 1), bool)
    rows = np.arange(orders)[:, None]
    by_place[rows, rank] = problem.passed[program[order]]
    found = np.empty((len(tops), len(budgets)))
    for i, m in enumerate(tops):
        right = by_place[rows, shown[:m]].any(axis=0)  # [orders, n]
        none_first = np.concatenate([np.zeros((orders, 1), bool), right], axis=1)
        found[i] = none_first[rows, bought].mean(axis=0)
    return np.where(outside, math.nan, found)


def running_best(rank: Ints, m: int) -> Ints:
    """[m, orders, n] the m best distinct ranks among the first 1, 2, ..., n of each order."""
    orders, n = rank.shape
    # A program that was there before counts no more: only its first sample keeps its rank.
    by_rank = np.argsort(rank, axis=1, kind="stable")
    ordered = np.take_along_axis(rank, by_rank, axis=1)
    again = np.zeros((orders, n), bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    repeated = np.empty_like(again)
    np.put_along_axis(repeated, by_rank, again, axis=1)
    left = np.where(repeated, 0, rank)
    found = []
    for _ in range(m):
        best = np.maximum.accumulate(left, axis=1)
        before = np.concatenate([np.zeros((orders, 1), np.int64), best[:, :-1]], axis=1)
        left = np.minimum(left, before)  # what a new best drives out, or what is below it
        found.append(best)
    return np.stack(found)
