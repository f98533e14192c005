"""A night in words, the same on every page."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

OUTCOMES = {
    "held": "all gates hold",
    "failed": "gates failed",
    "error": "not all could be evaluated",
}
STATES = {"held": "holds", "failed": "FAILED", "not_judged": "not judged"}


def headline(doc: Document) -> str:
    """One line: what came of the night."""
    failed = sum(gate["state"] == "failed" for gate in doc["gates"])
    judged = sum(gate["state"] != "not_judged" for gate in doc["gates"])
    done = sum(cell["state"] == "done" for cell in doc["cells"])
    left = len(doc["gates"]) - judged
    if failed:
        told = f"{failed} of {judged} gates failed"
    elif doc["outcome"] == "held" and left:
        told = "all judged gates hold" if judged else "no gate failed"
    else:
        told = OUTCOMES[doc["outcome"]]
    if left:
        told += f", {left} not judged"
    return f"night {doc['night']}: {told}; {done} of {len(doc['cells'])} cells evaluated"


def reused(doc: Document) -> str:
    """One line: how much of the night earlier nights had executed; "" where nothing was needed."""
    found = [cell["figures"] for cell in doc["cells"] if "reused" in cell["figures"]]
    needed, taken = (
        sum(int(figures[name]["value"]) for figures in found) for name in ("executions", "reused")
    )
    return f"{taken:,} of {needed:,} executions reused from earlier nights" if needed else ""


def troubles(doc: Document) -> list[str]:
    """What is wrong with the night itself, a line each."""
    words = {
        "infrastructure": "infrastructure failure, no regression",
        "error": "could not be evaluated",
        "stopped": "stopped",
        "not_reached": "not reached, and comes first next night",
    }
    return [
        f"{cell['cell']}: {words[cell['state']]}: {cell['reason']}"
        for cell in doc["cells"]
        if cell["state"] in words
    ]


def figure(cell: Document, name: str) -> str:
    """A figure of a cell with its interval; shares in percent."""
    own = cell["figures"].get(name)
    if own is None:
        return ""
    if name in ("tokens_per_second", "money"):
        return f"{own['value']:,.0f}" if own["value"] >= 100 else f"{own['value']:.3g}"
    shown = f"{100 * own['value']:.1f}"
    if own["low"] is not None:
        shown += f" [{100 * own['low']:.1f}, {100 * own['high']:.1f}]"
    return shown


def columns(doc: Document) -> list[str]:
    """The figures that any cell has, pass@k first."""
    found = {name for cell in doc["cells"] for name in cell["figures"]}
    first = sorted((n for n in found if n.startswith("pass@")), key=lambda n: int(n[5:]))
    rest = ("truncation", "infrastructure_errors", "tokens_per_second", "money")
    return [*first, *(name for name in rest if name in found)]


def heading(column: str) -> str:
    unit = {"tokens_per_second": "", "money": ""}.get(column, ", %")
    return column.replace("_", " ").replace(" per ", "/") + unit


def flips(doc: Document) -> list[tuple[str, str, str]]:
    """Problems in quarantine: which, how their verdict changed, and when."""
    return [
        (
            f"{row['dataset']}/{row['language']}/{row['task_id']}",
            f"{row['first_verdict'].replace('_', ' ')}, then "
            f"{row['second_verdict'].replace('_', ' ')}",
            f"night {row['night']}",
        )
        for row in doc["flaky"]["quarantined"]
    ]
