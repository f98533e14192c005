"""The frontier and the crossings of several runs' budget curves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from synthetic_run import synthetic_run

from reports import ReportInput
from reports.comparison import Compared, Side, compared, markdown
from reports.comparison.budgets import crossing_words, frontier_words
from reports.comparison.frontier import Noise, Offer, crossings, frontier
from reports.comparison.page import page

P = 100
SPREAD = np.linspace(-0.05, 0.05, P)  # of problems about a setting's mean


def made(label: str, cost: list[float], value: list[float], spread: float = 1.0) -> Offer:
    shift = SPREAD if label < "c" else SPREAD[::-1]
    values = np.array(value)[None] + spread * shift[:, None]
    return Offer(
        label,
        list(range(1, len(cost) + 1)),
        np.array(cost),
        np.array(value),
        np.array(value) - 0.1,
        np.array(value) + 0.1,
        values,
    )


NOISE = Noise(np.arange(P), 0.95)
A = made("a", [10.0, 100.0, 1000.0], [0.3, 0.4, 0.5])
B = made("b", [100.0, 1000.0], [0.2, 0.8])


def test_the_frontier_is_the_best_that_a_budget_buys() -> None:
    best = frontier([A, B], NOISE)
    assert [(s["label"], s["from"], s["to"], s["k"], s["value"]) for s in best] == [
        ("a", 10.0, 1000.0, 2, 0.4),
        ("b", 1000.0, None, 2, 0.8),
    ]
    assert best[0]["second"] == "b"
    assert best[0]["lead"] == pytest.approx([0.2, 0.2, 0.2])
    assert best[1]["lead"][0] == pytest.approx(0.3)
    assert best[0]["beyond_noise"]
    assert best[1]["beyond_noise"]
    said = " ".join(frontier_words(best, "tokens"))
    assert "Below 10 tokens a problem no setting has a sample" in said
    assert "From 10 to 1k tokens: a is best, 40.0 % with k = 2" in said
    assert "From 1k on tokens: b is best" in said


def test_more_samples_that_give_less_do_not_lower_the_frontier() -> None:
    falling = made("a", [1.0, 2.0, 4.0], [0.3, 0.6, 0.5])
    (only,) = frontier([falling], NOISE)
    assert (only["value"], only["k"], only["second"], only["lead"]) == (0.6, 2, None, None)


def test_crossings_are_found_between_points() -> None:
    (found,) = crossings([A, B], NOISE)
    # On [100, 1000] the gap goes from +0.2 to -0.3, linear in log cost: 0.4 of the way.
    assert found["budget"] == pytest.approx(100 * 10**0.4)
    assert found["value"] == pytest.approx(0.44)
    assert (found["below"], found["above"], found["beyond_noise"]) == ("a", "b", True)
    assert "below it a leads, above it b" in crossing_words([found], "tokens")[0]
    (mirrored,) = crossings([B, A], NOISE)
    assert (mirrored["below"], mirrored["budget"]) == ("a", pytest.approx(found["budget"]))


def test_a_crossing_inside_the_noise_is_called_so() -> None:
    other = made("c", [100.0, 1000.0], [0.399, 0.501], spread=20.0)
    (found,) = crossings([A, other], NOISE)
    assert not found["beyond_noise"]
    assert "not known" in crossing_words([found], "tokens")[0]
    assert crossings([A, made("c", [10.0, 1000.0], [0.4, 0.6])], NOISE) == []
    assert crossings([A, made("c", [5000.0, 9000.0], [0.4, 0.6])], NOISE) == []


def test_two_crossings_lie_on_either_side_of_a_bulge() -> None:
    flat = made("a", [1.0, 10.0, 100.0], [0.4, 0.4, 0.4])
    bulge = made("b", [1.0, 10.0, 100.0], [0.3, 0.6, 0.3])
    first, second = crossings([flat, bulge], NOISE)
    assert (first["below"], first["above"]) == ("a", "b")
    assert (second["below"], second["above"]) == ("b", "a")
    assert first["budget"] < 10 < second["budget"]
    assert first["beyond_noise"]


@pytest.fixture(scope="module")
def runs() -> list[ReportInput]:
    return [
        synthetic_run(0, problems=8, n=12, k=(1, 4)),
        synthetic_run(1, problems=8, n=20, k=(1, 10)),
        synthetic_run(2, problems=6, n=12, k=(1, 4)),
    ]


def together(runs: list[ReportInput]) -> dict[str, Any]:
    sides = [Side(f"run {i}", run) for i, run in enumerate(runs)]
    return compared(Compared(sides[0], sides[1:]))


def test_all_runs_stand_on_one_axis_with_and_without_sharing(runs: list[ReportInput]) -> None:
    doc = together(runs)
    found = doc["budgets"]
    assert found["problems"] == 18  # that all have
    figures = {(one["axis"], one["metric"]): one for one in found["figures"]}
    labels = [s["label"] for s in figures["tokens", "pass@k"]["settings"]]
    assert labels == [f"run {i} ({v})" for v in ("billed", "shared prefix") for i in range(3)]
    after = figures["tokens", "pass@1 after ranking"]["settings"]
    assert {s["label"] for s in after} >= {"run 0, random (billed)", "run 2, sum logprob (billed)"}
    # Two runs lost problems here, so their device time is not that of these problems.
    assert ("device_seconds", "pass@k") not in figures
    for one in found["figures"]:
        costs = [cost for s in one["settings"] for cost in s["cost"]]
        assert one["frontier"][0]["from"] == pytest.approx(min(costs))
        values = [stretch["value"] for stretch in one["frontier"]]
        assert values == sorted(values)
        assert all(said for said in one["words"])
    text = markdown(doc)
    assert "## What each budget buys" in text
    assert "is best" in text
    assert "What each budget buys" in page(doc)


def test_device_time_names_its_model(runs: list[ReportInput]) -> None:
    long = [synthetic_run(seed, problems=12, n=40) for seed in (0, 1)]
    doc = together(long)
    (device,) = [
        one
        for one in doc["budgets"]["figures"]
        if (one["axis"], one["metric"]) == ("device_seconds", "pass@k")
    ]
    assert any("cost model fitted to" in said for said in device["words"])
    assert len(device["settings"][0]["k"]) < 40


def test_runs_are_priced_by_one_table(runs: list[ReportInput]) -> None:
    first, second = runs[:2]
    dear = dataclasses.replace(second.settings.prices, per_million_generated_tokens=800.0)
    other = dataclasses.replace(second, settings=dataclasses.replace(second.settings, prices=dear))
    a, b = (
        [one for one in together([first, run])["budgets"]["figures"] if one["axis"] == "money"]
        for run in (second, other)
    )
    assert a == b


def test_without_a_problem_common_to_all_there_is_a_reason(runs: list[ReportInput]) -> None:
    def only(run: ReportInput, languages: list[str]) -> ReportInput:
        rows = [row for row in run.problems.to_pylist() if row["language"] in languages]
        return dataclasses.replace(run, problems=pa.Table.from_pylist(rows))

    doc = together([runs[0], only(runs[1], ["java"]), only(runs[1], ["python"])])
    assert doc["budgets"]["reason"] == "no problem is common to all runs"
    assert "no problem is common to all runs" in markdown(doc)
