"""The problems to look at first: the hardest that were solved, and those whose verdicts changed."""

from __future__ import annotations

from typing import Any

from reports.figures import Document
from reports.html import Cell, Markup, anchor, join, percent, share, table, tag

SHOWN = 10


def notable(doc: Document) -> Markup:
    """Two tables; a sentence where there is nothing to list."""
    items = doc["per_problem"]
    unsolved = sum(item["n"] > 0 and item["c"] == 0 for item in items)
    solved = [item for item in items if item["c"]]
    hardest = sorted(solved, key=lambda item: item["c"] / item["n"])[:SHOWN]
    flaky = [item for item in items if item["changed_by_retry"]]
    flaky.sort(key=lambda item: -item["changed_by_retry"])
    return join(
        [
            tag("h3", "Hardest and flakiest"),
            tag("p", f"{unsolved:,} of {len(items):,} problems were solved by no sample."),
            listed("The hardest of those that some sample solved", "passed", hardest, "c")
            if hardest
            else "",
            listed(
                f"Samples whose verdict changed when their program ran again "
                f"({len(flaky):,} problems)",
                "changed",
                flaky[:SHOWN],
                "changed_by_retry",
            )
            if flaky
            else tag("p", "No verdict changed when a program ran again.", _class="note"),
        ]
    )


def listed(caption: str, head: str, items: list[dict[str, Any]], name: str) -> Markup:
    rows: list[list[object]] = []
    for item in items:
        samples = sum(item["verdicts"].values())
        rows.append(
            [
                tag("a", item["task_id"], href=f"#{anchor(item)}"),
                item["language"],
                Cell(f"{item[name]:,} of {samples:,}", number=True),
                Cell(f"{percent(share(item[name], samples))} %", number=True),
            ]
        )
    return table(caption, ["problem", "language", Cell(head), Cell("share")], rows)
