"""Orders that depend on which samples are there, against the mean over all subsets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.rankers import _order
from reports.data import Joined
from reports.intervals import stream
from reports.joined import Agreeing, by_agreement, by_combination, leaves, mean_over_orders
from reports.passk import pass_at_top
from reports.ranked import Ranked

PROGRAM = np.array([0, 1, 2, 0, 3, 4, 1, 5])  # of each of 8 samples
PASSED = np.array([True, False, True, False, False, True])
TOPS = (1, 3)


def ranked(score: NDArray[np.float64]) -> Ranked:
    return Ranked(np.bincount(PROGRAM), PASSED, score)


@pytest.mark.parametrize("weighted", [False, True])
def test_agreement_is_counted_among_the_samples_that_are_there(weighted: bool) -> None:
    cluster = np.array([0, 0, 1, 1, 2, -1])
    weight = np.array([1, 1, 4, 4, 9, 16]) if weighted else np.ones(6, np.int64)
    then = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 5.0])
    problem = ranked(np.zeros(6))
    found = mean_over_orders(
        problem,
        by_agreement(Agreeing(cluster, weight, then)),
        PROGRAM,
        list(range(1, 9)),
        TOPS,
        20_000,
        stream(4, "test"),
    )

    def by_hand(taken: tuple[int, ...], m: int) -> float:
        """The same from its definition: a score of every program that is there."""
        own = np.unique(PROGRAM[list(taken)])
        sizes = [int((cluster[PROGRAM[list(taken)]] == cluster[p]).sum()) for p in own]
        counted = [0 if cluster[p] < 0 else weight[p] * s for p, s in zip(own, sizes, strict=True)]
        score = np.array([c + then[p] / 10 for p, c in zip(own, counted, strict=True)])
        return float(pass_at_top(np.zeros(len(own)), score, PASSED[own], m, 1)[0])

    for i, m in enumerate(TOPS):
        for k in range(1, 9):
            every = [by_hand(taken, m) for taken in combinations(range(8), k)]
            assert found[i, k - 1] == pytest.approx(np.mean(every), abs=0.015)


CLUSTER = np.array([0, 0, 1, 1, 2, -1])
KNOWN = {
    "length": np.array([3.0, 1.0, 2.0, 2.0, 5.0, -np.inf]),
    "likely": np.array([0.1, 0.9, 0.5, 0.7, 0.3, 0.6]),
    "all alike": np.zeros(6),
    "votes": Agreeing(CLUSTER, np.array([1, 1, 2, 2, 1, 1]), np.array([1.0, 0, 0, 0, 0, 2])),
}
TERMS = {
    "borda": Joined(("length", "likely"), (0.5, 0.5)),
    "with votes": Joined(("votes", "likely"), (0.7, 0.3)),
    "votes, then": Joined(("votes", "length", "likely")),
    "inside": Joined((Joined(("all alike", "votes"), (1.0, 2.0)), Joined(("length", "likely")))),
}


def scores(term: str | Joined, taken: list[int]) -> NDArray[np.float64]:
    """Of the programs of these samples, by the functions that rank whole runs."""
    own, times = np.unique(PROGRAM[taken], return_counts=True)
    together = np.zeros(len(own), np.int64)
    if isinstance(term, str):
        known = KNOWN[term]
        if not isinstance(known, Agreeing):
            return known[own]
        sizes = np.array([times[known.cluster[own] == known.cluster[p]].sum() for p in own])
        count = np.where(known.cluster[own] < 0, 0, known.weight[own] * sizes)
        return _order.then(together, count, known.then[own])
    inner = [scores(part, taken) for part in term.parts]
    if not term.weights:
        return _order.lexicographic(together, inner)
    shares = [
        w * _order.shares_beaten(together, v) for w, v in zip(term.weights, inner, strict=True)
    ]
    return np.asarray(np.sum(shares, axis=0))


@pytest.mark.parametrize("name", TERMS)
def test_a_combination_is_that_of_the_programs_that_are_there(name: str) -> None:
    term = TERMS[name]
    assert set(leaves(term)) <= set(KNOWN)
    ks = list(range(1, 9))
    order = by_combination(term, KNOWN)
    found = mean_over_orders(ranked(np.zeros(6)), order, PROGRAM, ks, TOPS, 20_000, stream(5, name))
    for i, m in enumerate(TOPS):
        for k in ks:
            every = []
            for taken in map(list, combinations(range(8), k)):
                own = np.unique(PROGRAM[taken])
                score = scores(term, taken)
                every.append(pass_at_top(np.zeros(len(own)), score, PASSED[own], m, 1)[0])
            assert found[i, k - 1] == pytest.approx(np.mean(every), abs=0.015)
