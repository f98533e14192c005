"""pass@1 after ranking against budgets, as a report gives it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from synthetic_run import EXECUTING, KEY, synthetic_run

from reports import ReportInput
from reports.data import Joined
from reports.document import document, jsonable
from reports.markdown import markdown
from reports.page import page

N = 12


@pytest.fixture(scope="module")
def run() -> ReportInput:
    return synthetic_run(problems=12, n=N, k=(1, 4))


@pytest.fixture(scope="module")
def doc(run: ReportInput) -> dict[str, Any]:
    found: dict[str, Any] = jsonable(document(run))
    return found


def curve(doc: dict[str, Any], ranker: str, metric: str = "pass@1") -> dict[str, Any]:
    return next(
        dict(c) for c in doc["ranked_curves"] if (c["ranker"], c["metric"]) == (ranker, metric)
    )


def whole(doc: dict[str, Any]) -> dict[str, Any]:
    return next(dict(scope) for scope in doc["scopes"] if scope["whole"])


@pytest.mark.parametrize("metric", ["pass@1", "pass@top3"])
@pytest.mark.parametrize("ranker", ["mean_logprob", "sum_logprob", "random"])
def test_ends_are_the_numbers_that_are_known(doc: dict[str, Any], ranker: str, metric: str) -> None:
    found = curve(doc, ranker, metric)
    rows = {row["metric"]: row for row in whole(doc)["ranking"]}
    drawn = whole(doc)["curve"]
    assert found["k"] == drawn["k"]
    assert found["value"][0] == pytest.approx(drawn["value"][0])  # of one sample, that one
    assert found["low"][0] == pytest.approx(drawn["low"][0])
    last = rows[f"{ranker} {metric}"]
    tied = 0.02 if ranker == "random" else 1e-9
    assert found["value"][-1] == pytest.approx(last["value"], abs=tied)
    three = found["k"].index(3)
    if metric == "pass@top3":  # of three samples all are shown
        assert found["value"][three] == pytest.approx(drawn["value"][three])
    for value, most in zip(found["value"], drawn["value"], strict=True):
        assert value <= most + 1e-9  # the oracle of k samples


def test_a_ranker_that_counts_agreement_has_no_curve_but_a_reason(doc: dict[str, Any]) -> None:
    found = curve(doc, EXECUTING)
    assert found["value"] == [None] * len(found["k"])
    assert "not recorded" in found["reason"]
    assert found["reason"] in markdown(doc)


def test_agreement_that_was_recorded_gives_a_curve(run: ReportInput) -> None:
    programs = run.programs.to_pylist()
    drawn = Counter((*key(row), row["program_hash"]) for row in programs)
    first: dict[tuple[str, ...], int] = {}
    for row in programs:
        first.setdefault((*key(row), row["program_hash"]), row["sample_index"])
    score = {
        (*key(row), row["sample_index"]): drawn[*key(row), row["program_hash"]] for row in programs
    }
    agreements = [
        dict(zip(KEY, found[:3], strict=True))
        | {"ranker": EXECUTING, "sample_index": index, "cluster": i, "weight": 1, "then": 0.0}
        for i, (found, index) in enumerate(first.items())
    ]
    rankings = [
        row | {"score": float(score[*key(row), row["sample_index"]])}
        for row in run.rankings.to_pylist()
        if row["ranker"] == EXECUTING
    ]
    source = dataclasses.replace(
        run,
        agreements=pa.Table.from_pylist(agreements),
        rankings=pa.Table.from_pylist(rankings, schema=run.rankings.schema),
    )
    doc = jsonable(document(source))
    rows = {row["metric"]: row for row in whole(doc)["ranking"]}
    drawn_curve = whole(doc)["curve"]
    for metric in ("pass@1", "pass@top3"):
        found = curve(doc, EXECUTING, metric)
        assert found["reason"] == ""
        assert found["k"][-1] == N
        assert found["value"][-1] == pytest.approx(rows[f"{EXECUTING} {metric}"]["value"], abs=0.03)
        assert found["value"][0] == pytest.approx(drawn_curve["value"][0], abs=0.03)


def test_a_combination_has_a_curve_where_its_parts_were_ranked(run: ReportInput) -> None:
    name = "weighted(0.5 * mean_logprob, 0.5 * random)"
    mean = [row for row in run.rankings.to_pylist() if row["ranker"] == "mean_logprob"]
    rows = [row | {"ranker": name} for row in mean]  # random ties all: the order is the mean's
    added = pa.Table.from_pylist(rows, schema=run.rankings.schema)
    rankings = pa.concat_tables([run.rankings, added])
    term = Joined(("mean_logprob", "random"), (0.5, 0.5))
    source = dataclasses.replace(run, rankings=rankings, joined={name: term})
    doc = jsonable(document(source))
    for metric in ("pass@1", "pass@top3"):
        found, same = curve(doc, name, metric), curve(doc, "mean_logprob", metric)
        assert found["reason"] == ""
        for k, value in zip(found["k"], found["value"], strict=True):
            assert value == pytest.approx(same["value"][same["k"].index(k)], abs=0.03)
        assert found["value"][-1] == pytest.approx(same["value"][-1])

    lacking = Joined(("mean_logprob", "public_examples"), (0.5, 0.5))
    doc = jsonable(document(dataclasses.replace(source, joined={name: lacking})))
    assert "name each of them among the rankers too" in curve(doc, name)["reason"]


def key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in KEY)


def test_what_a_ranker_used_is_in_its_budget(run: ReportInput, doc: dict[str, Any]) -> None:
    sampling = whole(doc)["curve"]["cost"]
    assert curve(doc, "mean_logprob")["cost"] == sampling
    observing = curve(doc, EXECUTING)["cost"]
    problems = doc["problems"]
    extra = observing["sandbox_seconds"][-1] - sampling["sandbox_seconds"][-1]
    assert extra == pytest.approx(5.25 / problems)
    first = observing["sandbox_seconds"][0] - sampling["sandbox_seconds"][0]
    assert 0 < first < extra  # one sample is one program, and only it is run

    paid = run.ranking_costs.to_pylist()
    for row in paid:
        if row["ranker"] == "mean_logprob":  # as if it had asked: all are three languages' sums
            row.update(prompt_tokens=20, generated_tokens=14, flops=3.0)
    asking = dataclasses.replace(run, ranking_costs=pa.Table.from_pylist(paid))
    cost = curve(jsonable(document(asking)), "mean_logprob")["cost"]
    billed = [a - b for a, b in zip(cost["tokens_billed"], sampling["tokens_billed"], strict=True)]
    assert billed == pytest.approx([(60 + 42) / problems] * len(billed))  # tests, whatever k is
    shared = cost["tokens_shared"][0] - sampling["tokens_shared"][0]
    assert shared == pytest.approx((30 + 42) / problems)
    assert cost["device_seconds"] == [None] * len(billed)


def test_equal_budgets_are_undefined_below_a_sample_and_agree_with_the_curve(
    run: ReportInput, doc: dict[str, Any]
) -> None:
    found = [c for c in doc["ranked_equal_budget"] if c["ranker"] == "mean_logprob"]
    assert {(c["view"], c["metric"]) for c in found} == {
        (view, metric) for view in ("billed", "shared") for metric in ("pass@1", "pass@top3")
    }
    for one in found:
        assert all(
            0 <= low <= value <= high <= 1
            for low, value, high in zip(one["low"], one["value"], one["high"], strict=True)
        )
    assert document(run)["ranked_equal_budget"] == document(run)["ranked_equal_budget"]


def test_samples_of_equal_cost_give_the_exact_curve(run: ReportInput) -> None:
    calls = [
        row | {"prompt_tokens": 50, "header_tokens": 0, "generated_tokens": 10}
        for row in run.calls.to_pylist()
    ]
    found = jsonable(document(dataclasses.replace(run, calls=pa.Table.from_pylist(calls))))
    exact = curve(found, "mean_logprob")
    one = next(c for c in found["ranked_equal_budget"] if c["ranker"] == "mean_logprob")
    for budget, value in zip(one["budget"], one["value"], strict=True):
        k = int(budget / 60 + 1e-9)
        assert value == pytest.approx(exact["value"][k - 1], abs=1e-9)


def test_the_page_draws_it(doc: dict[str, Any]) -> None:
    assert "pass@1 after ranking against billed tokens" in page(doc, [])
