"""The report as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence

from reports import details, sections, viewer, weak
from reports.figures import Document
from reports.html import join, tag
from reports.shell import shell

NAVIGATION = (
    ("results", "Results"),
    ("compute", "Compute"),
    ("ranking", "Ranking"),
    ("verdicts", "Verdicts"),
    ("weak", "Weak tests"),
    ("problems", "Problems"),
    ("candidates", "Candidates"),
    ("ledger", "Ledger"),
    ("environment", "Environment"),
)


SCRIPTS = ("highlight.js", "problems.js", "figures.js", "keys.js")


def page(doc: Document, texts: Sequence[str]) -> str:
    """The page of a document whose undefined numbers are None.

    texts: a line a problem, as `problem_data` makes them.
    """
    links = join(
        [
            tag("li", tag("a", name, href=f"#{identity}"))
            for identity, name in NAVIGATION
            if identity != "candidates" or doc["examples"]
        ]
    )
    header = [
        tag("h1", doc["name"]),
        sections.lead(doc),
        sections.alarm_box(doc),
        sections.headline(doc),
        sections.spent(doc),
    ]
    main = [
        sections.results(doc),
        sections.compute(doc),
        sections.ranking(doc),
        sections.verdicts(doc),
        sections.section("weak", "Weak tests", *weak.weak_section(doc)),
        details.problems(doc),
        details.candidates(doc),
        details.ledger(doc),
        details.environment(doc),
    ]
    body = [
        tag("header", join(header)),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", join(main)),
        viewer.boxes(),
        viewer.embedded(doc, texts),
    ]
    return shell("forkeval report", doc["name"], join(body), SCRIPTS)
