"""Problems whose tests a constant program passes: which they are, and pass@1 without them.

A model that passes such a test has shown nothing: `return true` does, too.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from reports.data import Settings, WeakTests
from reports.figures import Document, scope_label
from reports.html import Cell, Markup, estimate, table, tag
from reports.metrics import Column, estimates, row, why_undefined
from reports.scopes import Scope
from reports.tally import Tally

Key = tuple[str, str, str]
LISTED = 400  # more would make the page slow; metrics.json has them all

EXPLAINED = (
    "Programs that return one value whatever they are given were run on the tests. A problem whose "
    "test one of them passes says little of a model that passes it too; pass@1 is given with and "
    "without these problems. Findings belong to the content of a test: a changed one counts as not "
    "tried."
)


def key(counts: Tally, problem: int) -> Key:
    return counts.dataset[problem], counts.language[problem], counts.task_id[problem]


def flagged(weak: WeakTests, counts: Tally) -> list[dict[str, Any]]:
    """The problems whose test a constant program passes, in the order of the problems table."""
    found = []
    for problem in range(counts.problems):
        dataset, language, task_id = key(counts, problem)
        if names := weak.passed_by.get((dataset, language, task_id)):
            found.append(
                {
                    "dataset": dataset,
                    "language": language,
                    "task_id": task_id,
                    "passed_by": list(names),
                }
            )
    return found


def without_weak(
    weak: WeakTests, counts: Tally, scope: Scope, pass_at_1: Column, settings: Settings
) -> dict[str, Any]:
    """Of a scope: how many problems are flagged, how many were not tried, pass@1 of the others."""
    names = [weak.passed_by.get(key(counts, problem)) for problem in scope.rows]
    rest = dataclasses.replace(
        scope, rows=scope.rows[np.array([not name for name in names], dtype=bool)]
    )
    found = estimates([pass_at_1], counts, rest, settings)
    reasons = why_undefined([pass_at_1], rest, found)
    return {
        "flagged": len(scope.rows) - len(rest.rows),
        "not_tried": sum(name is None for name in names),
        "problems": len(rest.rows),
        "without": row(pass_at_1.name, found[pass_at_1.name], reasons.get(pass_at_1.name, "")),
    }


def tried(item: dict[str, Any]) -> str:
    """How many of a scope's problems are flagged, unless none was tried."""
    facts = item["weak_tests"]
    return "not run" if facts["not_tried"] == item["problems"] else f"{facts['flagged']:,}"


def pass_at_1(item: dict[str, Any]) -> dict[str, Any]:
    """pass@1 of all problems of a scope, from its curve: the report may be asked for other k."""
    curve = item["curve"]
    return {name: curve[name][0] for name in ("value", "low", "high")} | {"reason": "undefined"}


def weak_section(doc: Document) -> list[Markup]:
    """The section's parts for the page."""
    names = ("problems", "flagged", "not tried", "pass@1", "pass@1 without them")
    head: list[str | Cell] = ["", *map(Cell, names)]
    scopes = [
        [
            scope_label(doc, item),
            Cell(f"{item['problems']:,}", number=True),
            Cell(tried(item), number=True),
            Cell(f"{item['weak_tests']['not_tried']:,}", number=True),
            Cell(estimate(pass_at_1(item)), number=True),
            Cell(estimate(item["weak_tests"]["without"]), number=True),
        ]
        for item in doc["scopes"]
    ]
    items = doc["weak_tests"]
    parts = [tag("p", EXPLAINED), table("pass@1 in percent", head, scopes)]
    if items:
        listed = [
            [
                item["task_id"],
                f"{item['dataset']} {item['language']}",
                ", ".join(item["passed_by"]).replace("_", " "),
            ]
            for item in items[:LISTED]
        ]
        left = len(items) - len(listed)
        caption = "Flagged problems" + (
            f" (the first {LISTED}; metrics.json has all)" if left else ""
        )
        parts.append(
            table(caption, ["problem", "language", "passed by"], listed, tall=len(listed) > 12)
        )
    return parts
