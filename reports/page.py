"""The report as one HTML file that needs nothing else: no network, no fonts, no other file."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from reports import details, sections, weak
from reports.figures import Document
from reports.html import Markup, html, join, tag

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


def page(doc: Document) -> str:
    """The page of a document whose undefined numbers are None."""
    assets = files("reports") / "assets"
    style = (assets / "style.css").read_text("utf-8")
    script = (assets / "script.js").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Only our own script may run and nothing may be loaded, whatever a candidate's text contains.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    links = join(
        [
            tag("li", tag("a", name, href=f"#{identity}"))
            for identity, name in NAVIGATION
            if identity != "candidates" or doc["examples"]
        ]
    )
    top = join(
        [
            tag("span", "forkeval report"),
            Markup('<button id="theme" type="button" hidden>Theme</button>'),
        ]
    )
    body = join(
        [
            tag("div", top, _class="top"),
            tag(
                "header",
                join(
                    [
                        tag("h1", doc["name"]),
                        sections.lead(doc),
                        sections.alarm_box(doc),
                        sections.headline(doc),
                    ]
                ),
            ),
            tag("nav", tag("ul", links), aria_label="Sections"),
            tag(
                "main",
                join(
                    [
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
                ),
            ),
        ]
    )
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{html(policy)}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<link rel="icon" href="data:,">'),
            tag("title", f"{doc['name']} · forkeval"),
            Markup(f"<style>{style}</style>"),
        ]
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>'
        f'<body><div class="page">{body}</div><script>{script}</script></body></html>\n'
    )
