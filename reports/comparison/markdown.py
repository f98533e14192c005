"""A comparison as Markdown, for the terminal or a pull request."""

from __future__ import annotations

from typing import Any

from reports.comparison import tables
from reports.comparison.words import explained, points, summary, whole
from reports.markdown import grid, text

Document = dict[str, Any]

PROBLEMS = 20  # listed; compare.json has all


def markdown(doc: Document) -> str:
    """The tables of a document whose undefined numbers are None."""
    first = doc["runs"][0]
    lines = []
    for run, item in zip(doc["runs"][1:], doc["against"], strict=True):
        lines += [f"# {text(run['label'])} against {text(first['label'])}", ""]
        lines += [
            f"{item['problems']:,} common problems; first: {text(first['label'])}, "
            f"n = {first['n']:,}; second: {text(run['label'])}, n = {run['n']:,}.",
            "",
        ]
        lines += [f"- {text(said)}" for said in summary(item)]
        lines += [f"- {text(note)}" for note in item["notes"]]
        lines += differences(item)
        lines += problems(item, first["page"], run["page"])
        lines += ["", "## Verdicts", ""]
        lines += grid(
            ["", "first", "second", "shift in points"],
            tables.verdicts(whole(item)),
        )
        lines += ["", "## Costs", ""]
        lines += grid(list(tables.COSTS), tables.costs(item))
        lines += ["", "Of the whole runs; `each` is an amount by the number of candidates."]
        lines += ["", "## What differs", ""]
        changed = tables.changes([*item["allowed"], *item["settings"]])
        lines += grid(list(tables.CHANGES), changed) if changed else ["Nothing that is recorded."]
        lines.append("")
    lines += of_budgets(doc["budgets"])
    lines += ["## How to read this", "", *(f"- {text(said)}" for said in explained(doc))]
    return "\n".join(lines) + "\n"


def of_budgets(found: dict[str, Any]) -> list[str]:
    """The best setting at each budget, in words."""
    lines = ["## What each budget buys", ""]
    if found["reason"]:
        return [*lines, f"Nothing is drawn: {text(found['reason'])}.", ""]
    lines += [
        f"On the {found['problems']:,} problems that all runs have; money by {found['prices']} of "
        "the first run.",
        "",
    ]
    for one in found["figures"]:
        lines += [f"### {text(one['metric'])} against {text(one['unit'])}", ""]
        lines += [*(f"- {text(said)}" for said in one["words"]), ""]
    return lines


def differences(item: dict[str, Any]) -> list[str]:
    rows = [row for _, row in tables.metrics(item)]
    return ["", "## Differences", "", *grid(list(tables.METRICS), rows)]


def problems(item: dict[str, Any], *pages: str) -> list[str]:
    lines = ["", "## Problems won and lost", "", *grid(list(tables.WON), tables.won(item))]
    listed = item["per_problem"]
    if listed:
        lines.append("")
    for row in listed[:PROBLEMS]:
        where = [
            linked(tables.passed(row[side]), tables.address(page, row))
            for side, page in zip(("first", "second"), pages, strict=True)
        ]
        name = text(f"{row['dataset']}/{row['language']}/{row['task_id']}")
        mark = ", stands out" if row["stands_out"] else ""
        lines.append(f"- {name}: {where[0]}, then {where[1]} ({points(row['difference'])}{mark})")
    if len(listed) > PROBLEMS:
        lines.append(f"- and {len(listed) - PROBLEMS:,} more: compare.json has all")
    return lines


def linked(words: str, address: str) -> str:
    return f"[{words}]({address})" if address else words
