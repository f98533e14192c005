"""Rankers: hand-computed scores, deduplication, and independence of the order of the rows."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ranker_terms import RANKERS
from pipeline.rankers import names, needs, rank
from pipeline.records import UserError

KEY = {"dataset": "mini", "language": "python", "task_id": "Mini/0"}

# Four samples of one problem; the third is the first's program in other tokens, the last is empty.
SAMPLES: list[dict[str, Any]] = [
    {"hash": "a", "kept": 2, "raw": [-1.0, -0.5, -9.0], "processed": [-0.5, -0.25, -9.0]},
    {"hash": "b", "kept": 4, "raw": [-0.5, -0.5, -0.5, -0.5], "processed": [-1.0] * 4},
    {"hash": "a", "kept": 3, "raw": [-0.5, -0.25, -0.25], "processed": [-0.25] * 3},
    {"hash": "c", "kept": 0, "raw": [-0.125], "processed": [-0.125]},
]


def tables(samples: list[dict[str, Any]], order: list[int] | None = None) -> list[pa.Table]:
    """Candidates and programs, the candidates in another order than the programs."""
    order = order or list(range(len(samples)))
    log = pa.list_(pa.float32())
    candidates = pa.table(
        {
            **{name: pa.array([value] * len(samples)) for name, value in KEY.items()},
            "sample_index": pa.array(order, pa.int64()),
            "logprobs_raw": pa.array([samples[i]["raw"] for i in order], log),
            "logprobs": pa.array([samples[i]["processed"] for i in order], log),
        }
    )
    programs = pa.table(
        {
            **{name: pa.array([value] * len(samples)) for name, value in KEY.items()},
            "sample_index": pa.array(range(len(samples)), pa.int64()),
            "program_hash": [sample["hash"] for sample in samples],
            "kept_tokens": pa.array([sample["kept"] for sample in samples], pa.int64()),
        }
    )
    return [candidates, programs]


def scores(name: str, samples: list[dict[str, Any]], **options: Any) -> list[float]:
    table, _ = rank(name, *tables(samples), **options)
    assert table["sample_index"].to_pylist() == list(range(len(samples)))
    return [float(x) for x in table["score"].to_pylist()]


def test_every_configurable_ranker_exists() -> None:
    assert names() == RANKERS


def test_random_scores_all_alike() -> None:
    assert scores("random", SAMPLES) == [0.0, 0.0, 0.0, 0.0]


def test_mean_logprob_by_hand() -> None:
    # a: max(-1.5 / 2, -1 / 3); b: -2 / 4; c: nothing kept.
    assert scores("mean_logprob", SAMPLES) == pytest.approx([-1 / 3, -0.5, -1 / 3, -math.inf])


def test_sum_logprob_by_hand() -> None:
    # a: max(-1.5, -1); b: -2; c: nothing kept, so it must not win with an empty sum of 0.
    assert scores("sum_logprob", SAMPLES) == [-1.0, -2.0, -1.0, -math.inf]


def test_processed_log_probabilities_are_another_ranking() -> None:
    assert scores("sum_logprob", SAMPLES, logprobs="processed") == [-0.75, -4.0, -0.75, -math.inf]


def test_duplicates_point_to_their_first_sample() -> None:
    table, _ = rank("random", *tables(SAMPLES))
    assert table["duplicate_of"].to_pylist() == [0, 1, 0, 3]
    assert table["ranker"].to_pylist() == ["random"] * 4


@pytest.mark.parametrize("name", ["mean_logprob", "sum_logprob"])
def test_without_log_probabilities_there_is_no_score(name: str) -> None:
    bare = [{**sample, "raw": [], "kept": 0} for sample in SAMPLES]
    bare[1]["kept"] = 5  # also where truncation counted tokens that another system drew
    assert all(math.isnan(score) for score in scores(name, bare))


def test_equal_hashes_of_two_problems_are_two_programs() -> None:
    candidates, programs = tables(SAMPLES)
    other = [
        table.set_column(
            table.schema.get_field_index("task_id"), "task_id", pa.array(["Mini/1"] * 4)
        )
        for table in (candidates, programs)
    ]
    ranked, _ = rank(
        "random",
        pa.concat_tables([candidates, other[0]]),
        pa.concat_tables([other[1], programs]),
    )
    assert ranked["duplicate_of"].to_pylist() == [0, 1, 0, 3] * 2


def test_unknown_ranker_and_missing_candidate_are_named() -> None:
    candidates, programs = tables(SAMPLES)
    with pytest.raises(UserError, match="no ranker 'best'"):
        rank("best", candidates, programs)
    with pytest.raises(UserError, match="Mini/0/2"):
        rank("random", candidates.slice(0, 2), programs.slice(0, 3))


def test_more_kept_than_generated_is_refused() -> None:
    wrong = [{**SAMPLES[0], "kept": 4}]
    with pytest.raises(ValueError, match="4 tokens kept of 3"):
        rank("mean_logprob", *tables(wrong))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_scores_do_not_depend_on_the_order_of_candidates(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
    seed = data.draw(st.integers(0, 1000))
    rng = np.random.default_rng(seed)
    samples = [
        {
            "hash": str(rng.integers(0, 4)),
            "kept": int(rng.integers(0, length + 1)),
            "raw": (-rng.exponential(1.0, length)).tolist(),
            "processed": (-rng.exponential(1.0, length)).tolist(),
        }
        for length in lengths
    ]
    order = data.draw(st.permutations(range(len(samples))))
    for name in names():
        if needs([name]):
            continue  # test_execution_rankers.py has those
        plain = rank(name, *tables(samples))
        candidates, programs = tables(samples, list(order))
        cut = data.draw(st.integers(0, len(samples)))  # chunks must not matter either
        chunked = pa.concat_tables([candidates.slice(0, cut), candidates.slice(cut)])
        shuffled = rank(name, chunked, programs.take(list(order)))
        assert plain[0].equals(shuffled[0])


def test_lexicographic_by_hand() -> None:
    # a, b, c have distinct means, so the second ranker decides nothing: c < b < a.
    name = "lexicographic(mean_logprob, random)"
    assert scores(name, SAMPLES) == [2.0, 1.0, 2.0, 0.0]
    # Of ties of the first, the second decides.
    assert scores("lexicographic(random, sum_logprob)", SAMPLES) == [2.0, 1.0, 2.0, 0.0]
    # What ties in all stays a tie.
    assert scores("lexicographic(random, random)", SAMPLES) == [0.0] * 4


def test_weighted_by_hand() -> None:
    # By mean: a beats both others, b one of two, c none. At random: each beats half of the others.
    name = "weighted(0.75 * mean_logprob, 0.25 * random)"
    assert scores(name, SAMPLES) == [0.875, 0.5, 0.875, 0.125]


def test_a_combination_of_an_undefined_score_is_undefined() -> None:
    bare = [{**sample, "raw": [], "kept": 0} for sample in SAMPLES]
    for name in ("lexicographic(random, sum_logprob)", "weighted(1 * random, 1 * sum_logprob)"):
        assert all(math.isnan(score) for score in scores(name, bare))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("best", "no ranker 'best': there are "),
        ("lexicographic", "lexicographic takes rankers"),
        ("lexicographic(random)", "combines two rankers or more"),
        ("lexicographic(random mean_logprob)", "a comma or ) is missing"),
        ("lexicographic(random, mean_logprob", "a comma or ) is missing"),
        ("weighted(random, mean_logprob)", "a weight and * stand before"),
        ("weighted(0 * random, 0 * mean_logprob)", "all weights are 0"),
        ("random)", "')' after the end"),
        ("lexicographic(random,", "a ranker is missing"),
    ],
)
def test_a_misspelt_combination_is_explained(text: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        rank(text, *tables(SAMPLES))
