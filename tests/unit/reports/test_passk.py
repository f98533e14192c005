"""pass@k and pass@top against enumeration and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise, permutations
from math import comb, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.passk import pass_at_k, pass_at_ks, pass_at_top


@pytest.mark.parametrize("n", range(1, 11))
def test_equals_enumeration_of_subsets(n: int) -> None:
    for c in range(n + 1):
        for k in range(1, n + 1):
            hits = [any(i < c for i in subset) for subset in combinations(range(n), k)]
            assert float(pass_at_k(n, c, k)) == pytest.approx(sum(hits) / len(hits), abs=1e-14)


def test_equals_the_closed_form_for_200_samples() -> None:
    n = 200
    ks = list(range(1, n + 1))
    found = pass_at_ks(np.full(n + 1, n), np.arange(n + 1), ks)
    for c in range(n + 1):
        for k in ks:
            exact = float(1 - Fraction(comb(n - c, k), comb(n, k)))
            assert abs(found[c, k - 1] - exact) <= 1e-12


def test_all_of_the_right_answers_in_one_call() -> None:
    n, c = np.array([5, 7, 200, 5]), np.array([0, 7, 1, 0])
    assert pass_at_k(n, c, 5).tolist() == pytest.approx([0.0, 1.0, 5 / 200, 0.0])


def test_is_one_where_fewer_fail_than_are_drawn() -> None:
    assert float(pass_at_k(10, 3, 8)) == 1.0


def test_too_few_samples_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"n = 10, k = 100"):
        pass_at_k([10, 200], [10, 3], 100)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 6, 1), (5, -1, 1), (5, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


def brute_top(scores: list[int], passed: list[bool], m: int) -> float:
    """Mean over every order of the programs that the scores allow, by enumeration."""
    hits = []
    for order in permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in pairwise(order)):
            hits.append(any(passed[i] for i in order[:m]))
    return sum(hits) / len(hits)


programs = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(programs, min_size=1, max_size=3), st.integers(1, 4), st.randoms())
def test_top_equals_enumeration_of_tie_breaks(problems, m, random) -> None:  # type: ignore[no-untyped-def]
    rows = [(i, score, ok) for i, rows in enumerate(problems) for score, ok in rows]
    random.shuffle(rows)
    owner, score, passed = (list(column) for column in zip(*rows, strict=True))
    found = pass_at_top(owner, score, passed, m, len(problems))
    for i, members in enumerate(problems):
        expected = brute_top([s for s, _ in members], [ok for _, ok in members], m)
        assert found[i] == pytest.approx(expected, abs=1e-12)


def test_top_is_undefined_without_programs_or_scores() -> None:
    found = pass_at_top([0, 2, 2], [1.0, float("nan"), 2.0], [True, True, True], 1, 3)
    assert found[0] == 1.0
    assert isnan(found[1])
    assert isnan(found[2])


def test_nothing_kept_ranks_last() -> None:
    assert pass_at_top([0, 0], [-np.inf, -50.0], [False, True], 1, 1).tolist() == [1.0]


def test_a_top_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="m >= 1"):
        pass_at_top([0], [1.0], [True], 0, 1)
