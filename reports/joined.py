"""Orders that depend on which samples are there: counts of those that agree, and combinations.

What k of n samples give is the mean over random orders of the samples. In the arrays a row is such
an order, a column [D] a distinct program of the problem; the first k samples are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.data import Joined
from reports.ranked import Ranked

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# From how often each program is there and numbers of chance in [0, 1), each [orders, D], to values:
# higher is better; those of programs that are not there mean nothing.
Order = Callable[[Ints, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Agreeing:
    """What decides among a problem's distinct programs when samples that agree are counted."""

    cluster: Ints  # [D] -1 for a program that agrees with none
    weight: Ints  # [D]
    then: Floats  # [D] decides between equals; nan for none that does


Known = Mapping[str, Floats | Agreeing]  # by ranker: its scores [D], or what it counts


def leaves(term: Joined) -> Iterator[str]:
    """The rankers of a combination."""
    for part in term.parts:
        if isinstance(part, Joined):
            yield from leaves(part)
        else:
            yield part


def by_agreement(agreeing: Agreeing) -> Order:
    """By weight * samples that are there in the cluster, then by `then`."""

    def order(count: Ints, chance: Floats) -> Floats:
        return counted(agreeing, count, 0.5 * chance)

    return order


def by_combination(term: Joined, known: Known) -> Order:
    """By a combination of rankers; known: of all its leaves."""

    def order(count: Ints, chance: Floats) -> Floats:
        there = count > 0
        return dense_rows(values(term, known, count, there), there) + 0.5 * chance

    return order


def mean_over_orders(
    problem: Ranked,
    order_of: Order,
    program: Ints,
    ks: list[int],
    tops: tuple[int, ...],
    orders: int,
    rng: np.random.Generator,
) -> Floats:
    """[tops, ks] as `ranked.chances`, by an order that depends on which samples are there.

    program: [n] number of each sample's program. ks ascend.
    """
    n, programs = len(program), len(problem.times)
    drawn = program[rng.permuted(np.broadcast_to(np.arange(n), (orders, n)), axis=1)]
    chance = rng.random((orders, programs))
    count = np.zeros((orders, programs), np.int64)
    rows = np.arange(orders)[:, None]
    found = np.empty((len(tops), len(ks)))
    before = 0
    for column, k in enumerate(ks):
        np.add.at(count, (rows, drawn[:, before:k]), 1)
        before = k
        value = np.where(count > 0, order_of(count, chance), -np.inf)
        for i, m in enumerate(tops):
            shown = np.argpartition(-value, min(m, programs) - 1, axis=1)[:, :m]
            there = np.isfinite(np.take_along_axis(value, shown, axis=1))
            found[i, column] = (problem.passed[shown] & there).any(axis=1).mean()
    return found


def counted(agreeing: Agreeing, count: Ints, below: Floats) -> Floats:
    """Whole numbers: samples that are there in a program's cluster, times its weight. Their
    fractions: `then`, and below that `below`, numbers in [0, 0.5] that decide nothing else."""
    _, cluster = np.unique(agreeing.cluster, return_inverse=True)
    member = (cluster[:, None] == np.arange(cluster.max(initial=0) + 1)).astype(np.float64)
    sizes = (count @ member)[:, cluster]
    rank = dense(agreeing.then)
    alone = agreeing.cluster < 0
    fraction = (rank + below) / (rank.max(initial=0) + 1.0)
    return np.asarray(np.where(alone, 0.0, agreeing.weight * sizes) + fraction)


def values(term: str | Joined, known: Known, count: Ints, there: Bools) -> Floats:
    """Values of a term among the programs that are there, which is all that they depend on."""
    if isinstance(term, str):
        own = known[term]
        if isinstance(own, Agreeing):
            return counted(own, count, np.zeros(count.shape))
        return np.broadcast_to(dense(own).astype(np.float64), count.shape)
    inner = (values(part, known, count, there) for part in term.parts)
    if term.weights:
        shares = [w * shares_beaten(v, there) for w, v in zip(term.weights, inner, strict=True)]
        return np.asarray(np.sum(shares, axis=0))
    joint = dense_rows(next(inner), there)
    for value in inner:
        ranks = dense_rows(value, there)
        joint = dense_rows(joint * (ranks.max(initial=0.0) + 1.0) + ranks, there)
    return joint


def dense(scores: Floats) -> Ints:
    """[D] 0 for the least value, 1 for the next, ...; nan is the least."""
    lowest = np.where(np.isnan(scores), -np.inf, scores)
    return np.unique(lowest, return_inverse=True)[1].astype(np.int64)


def dense_rows(value: Floats, there: Bools) -> Floats:
    """The same in each row, among those that are there; -1 for the others."""
    order, fresh = in_order(value, there)
    out = np.empty(value.shape)
    np.put_along_axis(out, order, np.cumsum(fresh, axis=1) - 1.0, axis=1)
    absent = (~there).any(axis=1, keepdims=True)  # as one value they took the rank 0
    return np.where(there, out - absent, -1.0)


def shares_beaten(value: Floats, there: Bools) -> Floats:
    """Share of the other programs there that lie lower, ties by half; 0.5 without others."""
    order, fresh = in_order(value, there)
    programs = value.shape[1]
    places = np.broadcast_to(np.arange(programs), value.shape)
    first = np.maximum.accumulate(np.where(fresh, places, 0), axis=1)
    ends = np.concatenate([fresh[:, 1:], np.ones((len(fresh), 1), bool)], axis=1)
    last = np.where(ends, places, programs)[:, ::-1]
    last = np.minimum.accumulate(last, axis=1)[:, ::-1]
    middle = np.empty(value.shape)
    np.put_along_axis(middle, order, (first + last) / 2, axis=1)
    present = there.sum(axis=1, keepdims=True)
    lower = middle - (programs - present)  # those that are not there came first
    return np.asarray(np.where(present > 1, lower / np.maximum(present - 1, 1), 0.5))


def in_order(value: Floats, there: Bools) -> tuple[Ints, Bools]:
    """Columns of each row from the least value, those not there first; and which of them, in that
    order, differ from the one before."""
    shown = np.where(there, value, -np.inf)
    order = np.argsort(shown, axis=1, kind="stable")
    ordered = np.take_along_axis(shown, order, axis=1)
    fresh = np.ones(value.shape, bool)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    return order, fresh
