"""A night as Markdown, for the summary of a CI job."""

from __future__ import annotations

from reports.html import many
from reports.markdown import grid, text
from reports.nightly.words import (
    STATES,
    Document,
    columns,
    figure,
    flips,
    heading,
    headline,
    reused,
    troubles,
)


def markdown(doc: Document) -> str:
    lines = [f"# {text(doc['name'])}, {text(headline(doc))}", ""]
    if said := reused(doc):
        lines += [f"{text(said)}.", ""]
    lines += [f"> **Warning:** {text(line)}" for line in troubles(doc)]
    if doc["gates"]:
        order = list(STATES)
        rows = [
            [STATES[gate["state"]], gate["cell"], gate["gate"], gate["said"]]
            for gate in sorted(
                doc["gates"],
                key=lambda gate: (gate["state"] != "failed", order.index(gate["state"])),
            )
        ]
        lines += ["", "## Gates", ""]
        lines += grid(["", "cell", "gate", "what was seen"], rows)
        lines += [
            "",
            f"p-values are corrected for the night's {many(doc['tests'], 'test')} (Holm): with no "
            "change, at most one night in twenty has any false alarm.",
        ]
    if doc["flaky"]["quarantined"]:
        lines += ["", "## Flaky problems, in quarantine", ""]
        head = ["problem", "verdicts", "found"]
        lines += grid(head, [list(row) for row in flips(doc)])
    shown = columns(doc)
    lines += ["", "## Cells", ""]
    lines += grid(
        ["cell", "state", *map(heading, shown)],
        [
            [
                cell["cell"],
                cell["state"].replace("_", " "),
                *(figure(cell, name) for name in shown),
            ]
            for cell in doc["cells"]
        ],
    )
    return "\n".join(lines) + "\n"
