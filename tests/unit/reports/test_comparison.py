"""Comparisons of whole runs: laws, problems won and lost, verdicts, costs, the pages."""

from __future__ import annotations

import dataclasses
import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import Reader, read
from synthetic_run import HOSTILE, synthetic_run, without

from pipeline.records import UserError
from reports import ReportInput
from reports.comparison import Change, Compared, Side, compared, markdown, write
from reports.comparison.problems import fisher
from reports.passk import pass_at_k

TABLES = ("problems", "calls", "candidates", "programs", "verdicts", "rankings")


def against(first: ReportInput, second: ReportInput) -> dict[str, Any]:
    (item,) = compared(Compared(Side("first", first), [Side("second", second)]))["against"]
    return dict(item)


def scope(item: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(found) for found in item["scopes"] if found["name"] == name)


def metric(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(row) for row in found["metrics"] if row["metric"] == name)


@pytest.fixture(scope="module")
def first() -> ReportInput:
    return synthetic_run(0, problems=8, n=12, k=(1, 4), bootstrap=300)


@pytest.fixture(scope="module")
def second() -> ReportInput:
    return synthetic_run(1, problems=8, n=20, k=(1, 10), bootstrap=300)


@pytest.fixture(scope="module")
def item(first: ReportInput, second: ReportInput) -> dict[str, Any]:
    return against(first, second)


def passed(run: ReportInput) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for row in run.verdicts.to_pylist():
        key = row["dataset"], row["language"], row["task_id"]
        found[key] = found.get(key, 0) + (row["verdict"] == "passed")
    return found


def test_differences_are_recounted_from_the_rows(
    first: ReportInput, second: ReportInput, item: dict[str, Any]
) -> None:
    one, other = passed(first), passed(second)
    for k in (1, 4, 10):  # those that either report asks for and both runs have samples for
        found = metric(scope(item, "mbxp all problems"), f"pass@{k}")
        keys = sorted(one)
        a = pass_at_k(12, [one[key] for key in keys], k).mean()
        b = pass_at_k(20, [other[key] for key in keys], k).mean()
        assert found["first"] == pytest.approx(a)
        assert found["second"] == pytest.approx(b)
        assert found["difference"] == pytest.approx(b - a)
        assert found["low"] < found["difference"] < found["high"]


def test_rankers_that_both_have_are_compared_after_pass_at_k(
    first: ReportInput, second: ReportInput
) -> None:
    lacking = without(first, "rankings", ranker="sum_logprob")
    names = [row["metric"] for row in against(lacking, second)["scopes"][0]["metrics"]]
    assert names[:3] == ["pass@1", "pass@4", "pass@10"]
    assert "mean_logprob pass@1" in names
    assert not {"sum_logprob pass@1", "random pass@1", "oracle"} & set(names)


def test_problems_won_and_lost(
    first: ReportInput, second: ReportInput, item: dict[str, Any]
) -> None:
    one, other = passed(first), passed(second)
    change = {key: other[key] / 20 - one[key] / 12 for key in one}
    listed = {(r["dataset"], r["language"], r["task_id"]): r for r in item["per_problem"]}
    assert {key for key, value in change.items() if value} == set(listed)
    for key, row in listed.items():
        assert row["difference"] == pytest.approx(change[key])
        assert (row["first"], row["second"]) == (
            {"n": 12, "c": one[key]},
            {"n": 20, "c": other[key]},
        )
    sizes = [abs(row["difference"]) for row in item["per_problem"] if row["stands_out"]]
    assert sizes == sorted(sizes, reverse=True)
    for found in item["scopes"]:
        counts = found["won_and_lost"]
        own = [v for k, v in change.items() if found["language"] in ("", k[1])]
        assert counts["won"] == sum(v > 0 for v in own)
        assert counts["lost"] == sum(v < 0 for v in own)
        assert counts["won"] + counts["lost"] + counts["equal"] == found["problems"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((4, 3, 4, 1), 34 / 70),  # Fisher's tea-tasting lady: both tails
        ((5, 5, 5, 0), 2 / 252),
        ((3, 0, 3, 0), 1.0),
        ((10, 1, 14, 11), 0.0027594561852),  # R: fisher.test(matrix(c(1, 9, 11, 3), 2))
    ],
)
def test_fishers_exact_test(table: tuple[int, ...], expected: float) -> None:
    n1, c1, n2, c2 = (np.array([value]) for value in table)
    assert fisher(n1, c1, n2, c2)[0] == pytest.approx(expected)
    assert fisher(n2, c2, n1, c1)[0] == pytest.approx(expected)


def test_verdict_counts_and_the_matrix_agree(item: dict[str, Any]) -> None:
    for found in item["scopes"]:
        verdicts = found["verdicts"]
        assert verdicts["paired_by"] == "problem"
        for side, samples in zip(("first", "second"), verdicts["samples"], strict=True):
            assert sum(verdicts[side].values()) == samples
        for name in verdicts["first"]:
            row = sum(verdicts["matrix"][name].values())
            column = sum(verdicts["matrix"][v][name] for v in verdicts["matrix"])
            assert row == pytest.approx(verdicts["first"][name] / verdicts["samples"][0])
            assert column == pytest.approx(verdicts["second"][name] / verdicts["samples"][1])


def test_the_same_programs_are_paired_one_by_one(first: ReportInput) -> None:
    rows = first.verdicts.to_pylist()
    moved = 0
    for row in rows:
        if row["verdict"] == "timeout" and moved < 3:
            row["verdict"] = "passed"
            moved += 1
    again = dataclasses.replace(first, verdicts=pa.Table.from_pylist(rows))
    verdicts = scope(against(first, again), "mbxp all problems")["verdicts"]
    assert verdicts["paired_by"] == "candidate"
    assert verdicts["same_programs"] == len(rows)
    assert verdicts["same_programs_judged_otherwise"] == moved == 3
    assert verdicts["matrix"]["timeout"]["passed"] == pytest.approx(3 / len(rows))
    assert verdicts["matrix"]["wrong_answer"]["passed"] == 0.0


def test_costs_are_of_the_whole_runs_and_a_candidate(
    first: ReportInput, second: ReportInput, item: dict[str, Any]
) -> None:
    costs = {row["name"]: row for row in item["costs"]}
    row = costs["generated tokens"]
    totals = [sum(run.calls["generated_tokens"].to_pylist()) for run in (first, second)]
    assert (row["first"], row["second"]) == tuple(totals)
    each = totals[0] / (24 * 12), totals[1] / (24 * 20)
    assert row["first_per_candidate"] == pytest.approx(each[0])
    assert row["change"] == pytest.approx(each[1] / each[0] - 1)
    for name in ("FLOPs, shared prefix", "device seconds", "sandbox CPU seconds", "money"):
        assert costs[name]["first"] > 0


def test_costs_in_other_units_have_no_change(first: ReportInput) -> None:
    prices = dataclasses.replace(first.settings.prices, currency="EUR")
    euros = dataclasses.replace(first, settings=dataclasses.replace(first.settings, prices=prices))
    row = next(row for row in against(first, euros)["costs"] if row["name"] == "money")
    assert row["unit"] == "USD against EUR"
    assert row["change"] is None


def test_several_runs_are_held_against_the_first_as_one_family(
    first: ReportInput, second: ReportInput
) -> None:
    third = synthetic_run(2, problems=8, n=12, k=(1, 4), bootstrap=300)
    sides = [Side("a", first), Side("b", second), Side("c", third)]
    doc = compared(Compared(sides[0], sides[1:]))
    assert [item["label"] for item in doc["against"]] == ["b", "c"]
    rows = [row for item in doc["against"] for s in item["scopes"] for row in s["metrics"]]
    assert doc["family"] == len(rows)
    ordered = sorted(rows, key=lambda row: row["p"])
    assert ordered[0]["p_adjusted"] == pytest.approx(min(1.0, len(rows) * ordered[0]["p"]))
    assert all(a["p_adjusted"] <= b["p_adjusted"] for a, b in pairwise(ordered))


def test_infrastructure_errors_leave_no_number(first: ReportInput, second: ReportInput) -> None:
    rows = first.verdicts.to_pylist()
    for row in rows[:10]:
        row["verdict"] = "infrastructure_error"
    broken = dataclasses.replace(first, verdicts=pa.Table.from_pylist(rows))
    found = scope(against(broken, second), "mbxp python")
    assert metric(found, "pass@1")["outcome"] != "undefined"
    row = metric(found, "pass@4")
    assert (row["outcome"], row["difference"], row["p_adjusted"]) == ("undefined", None, None)
    assert row["reason"].startswith("in the first run undefined: 1 problems have fewer than k = 4")


def test_no_common_problem_is_one_line(first: ReportInput) -> None:
    python, java = (
        dataclasses.replace(
            first, problems=pa.Table.from_pylist(
                [row for row in first.problems.to_pylist() if row["language"] == language]
            ),
        )
        for language in ("python", "java")
    )  # fmt: skip
    with pytest.raises(UserError, match="first and second have no problem in common: mbxp/python"):
        against(python, java)


def shuffled(run: ReportInput, seed: int) -> ReportInput:
    rng = np.random.default_rng(seed)
    moved = {}
    for name in TABLES:
        table = getattr(run, name)
        moved[name] = table.take(pa.array(rng.permutation(table.num_rows)))
    return dataclasses.replace(run, **moved)


def close(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return bool(a == b)


@given(st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_the_order_of_problems_and_rows_changes_nothing(
    first: ReportInput, second: ReportInput, item: dict[str, Any], seed: int
) -> None:
    again = against(shuffled(first, seed), shuffled(second, seed + 1))
    assert close(again, item)


@given(st.integers(0, 50))
@settings(max_examples=5, deadline=None)
def test_a_run_against_itself_is_all_zeros(seed: int) -> None:
    run = synthetic_run(seed, problems=3, n=6, k=(1, 4), bootstrap=100)
    found = against(run, run)
    rows = [row for s in found["scopes"] for row in s["metrics"]]
    assert all(row["difference"] == row["low"] == row["high"] == 0.0 for row in rows)
    assert all(row["p"] == row["p_adjusted"] == 1.0 for row in rows)
    assert all(row["outcome"] == "noise" for row in rows)
    assert found["per_problem"] == []


# ---- pages ---------------------------------------------------------------------------------------


def hostile(run: ReportInput, name: str) -> ReportInput:
    """Every string that others wrote tries to leave its place."""
    tables = {}
    for table in TABLES:
        old = getattr(run, table)
        at = old.schema.get_field_index("task_id")
        renamed = pa.array([f"{task}{HOSTILE}" for task in old["task_id"].to_pylist()])
        tables[table] = old.set_column(at, "task_id", renamed)
    return dataclasses.replace(run, **tables, name=f"{name}{HOSTILE}")


@pytest.fixture(scope="module")
def written(
    first: ReportInput, second: ReportInput, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    change = Change(f"toolchain{HOSTILE}", HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    runs = [hostile(run, name) for run, name in ((first, "a"), (second, "b"))]
    sides = [Side(run.name, run, f"../{i}/report.html") for i, run in enumerate(runs)]
    source = Compared(sides[0], [sides[1], sides[0]], [[change], []], [[change], [change]])
    return write(compared(source), tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def reader(written: Path) -> Reader:
    return read(written)


def test_the_page_is_whole_and_holds_nothing_foreign(reader: Reader) -> None:
    assert reader.open == []
    assert not reader.all("img")
    assert len(reader.all("script")) == 1
    for _, attributes in reader.elements:
        assert "src" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    assert "".join(reader.texts).count(HOSTILE) > 10
    identities = [a["id"] for _, a in reader.elements if a.get("id")]
    assert len(identities) == len(set(identities))
    assert len(reader.all("caption")) == len(reader.all("table")) > 8


def test_links_stay_on_the_page_or_lead_to_the_reports(reader: Reader) -> None:
    identities = {a.get("id") for _, a in reader.elements}
    links = [str(a["href"]) for a in reader.all("a")]
    for link in links:
        assert link[1:] in identities or link.startswith(("../0/report.html#", "../1/report.html#"))
        assert not set(link) & set(" <>\"'")
    assert sum("report.html" in link for link in links) > 20


def test_markdown_holds_its_tables_and_no_markup(written: Path) -> None:
    lines = written.with_name("compare.md").read_text().splitlines()
    assert not any("<" in line for line in lines)
    assert sum(line.startswith("| :-- |") for line in lines) == 10


def test_noise_and_no_change_are_called_so(first: ReportInput, second: ReportInput) -> None:
    said = markdown(compared(Compared(Side("a", first), [Side("b", second), Side("c", first)])))
    assert "inside the noise (p = " in said
    assert "pass@1 is " in said
    assert "% in both: no problem differs." in said


@pytest.mark.alone
def test_200_problems_of_1000_candidates_take_seconds() -> None:
    """Counting and statistics, in 10 s of processor time."""
    small = synthetic_run(0, problems=67, n=100, logprobs=False, bootstrap=2000)
    runs = [grown(small, 10), grown(without_failures(small), 10)]
    started = time.process_time()
    doc = compared(Compared(Side("a", runs[0]), [Side("b", runs[1])]))
    markdown(doc)
    spent = time.process_time() - started
    assert doc["against"][0]["problems"] == 201
    assert doc["runs"][0]["n"] == 1000
    assert spent < 10.0


def without_failures(run: ReportInput) -> ReportInput:
    """The run with every timeout passed."""
    verdicts = run.verdicts.to_pylist()
    for row in verdicts:
        row["verdict"] = "passed" if row["verdict"] == "timeout" else row["verdict"]
    return dataclasses.replace(run, verdicts=pa.Table.from_pylist(verdicts))


def grown(run: ReportInput, times: int) -> ReportInput:
    """The run with every sample drawn `times` times, at once and not by a slow loop."""
    tables = {}
    for name in ("calls", "candidates", "programs", "verdicts", "rankings"):
        table = getattr(run, name)
        if "sample_index" not in table.column_names:
            continue
        at = table.schema.get_field_index("sample_index")
        copies = []
        for i in range(times):
            moved = pa.array(table["sample_index"].to_numpy() + i * run.n)
            copies.append(table.set_column(at, "sample_index", moved))
        tables[name] = pa.concat_tables(copies)
    return dataclasses.replace(run, **tables, n=run.n * times)
