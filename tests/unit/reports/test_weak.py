"""Weak tests in a report: which problems are flagged, and pass@1 without them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import synthetic_run

from reports import ReportInput, render
from reports.data import WeakTests
from reports.document import document, jsonable


@pytest.fixture(scope="module")
def run() -> ReportInput:
    return synthetic_run()


@pytest.fixture(scope="module")
def doc(run: ReportInput) -> dict[str, Any]:
    return dict(jsonable(document(run)))


def facts(doc: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(item["weak_tests"]) for item in doc["scopes"] if item["name"] == name)


def test_flagged_problems_are_listed_with_what_passes_them(
    run: ReportInput, doc: dict[str, Any]
) -> None:
    wanted = {key: list(names) for key, names in run.weak_tests.passed_by.items() if names}
    found = {(p["dataset"], p["language"], p["task_id"]): p["passed_by"] for p in doc["weak_tests"]}
    assert found == wanted
    assert len(found) > 10


def test_pass_at_1_without_them_is_the_mean_over_the_rest(
    run: ReportInput, doc: dict[str, Any]
) -> None:
    solved: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in run.verdicts.to_pylist():
        key = row["dataset"], row["language"], row["task_id"]
        solved[key] += row["verdict"] == "passed"
    weak = run.weak_tests.passed_by
    for name, language in [("mbxp java", "java"), ("mbxp all problems", "")]:
        keys = [key for key in solved if language in ("", key[1])]
        rest = [solved[key] / run.n for key in keys if not weak.get(key)]
        found = facts(doc, name)
        assert found["problems"] == len(rest)
        assert found["flagged"] == len(keys) - len(rest) > 0
        assert found["not_tried"] == sum(key not in weak for key in keys)
        assert found["without"]["value"] == pytest.approx(sum(rest) / len(rest), abs=1e-12)
        assert found["without"]["low"] < found["without"]["value"] < found["without"]["high"]


def test_what_was_not_tried_is_said_to_be_not_run(run: ReportInput, tmp_path: Path) -> None:
    html = render(run, tmp_path)
    text = html.with_name("report.md").read_text()
    part = text[text.index("## Weak tests") :].splitlines()
    rows = {
        cells[1].strip(): cells for cells in (line.split("|") for line in part) if len(cells) > 6
    }
    assert rows["javascript"][3].strip() == "not run"
    assert rows["python"][3].strip() == "10"
    assert "not run" in html.read_text()


def test_a_scope_of_weak_tests_alone_has_no_score(run: ReportInput) -> None:
    every = {
        (p["dataset"], p["language"], p["task_id"]): ("zero",) for p in run.problems.to_pylist()
    }
    found = document(dataclasses.replace(run, weak_tests=WeakTests(every)))
    python = facts(jsonable(found), "mbxp python")
    assert python["problems"] == 0
    assert python["without"]["value"] is None
    assert python["without"]["reason"] == "undefined: there is no such problem"


def test_a_run_that_knows_nothing_of_its_tests_flags_nothing(run: ReportInput) -> None:
    found = document(dataclasses.replace(run, weak_tests=WeakTests()))
    assert found["weak_tests"] == []
    python = facts(jsonable(found), "mbxp python")
    assert (python["flagged"], python["not_tried"], python["problems"]) == (0, 24, 24)
