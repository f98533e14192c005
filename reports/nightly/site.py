"""The site of a nightly evaluation: a page of the latest night, and one of each series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports.html import Cell, Markup, join, many, table, tag
from reports.nightly.trend import Point, Trend, spark, trend
from reports.nightly.words import (
    OUTCOMES,
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
from reports.sections import figure as framed
from reports.sections import section
from reports.shell import shell

LISTED = 200  # nights in a table; the drawings have all
KIND = "forkeval nightly"


def index(doc: Document, nights: Sequence[Document], series: Sequence[Document]) -> str:
    """doc: the latest night's summary. nights: all, last first. series: each with its last points.

    A series has `name`, `page` (its address), `recent` (values of its first figure) and `latest`
    (the last point, as `series_page` has them).
    """
    lines = troubles(doc)
    box = (
        tag("div", tag("ul", join([tag("li", line) for line in lines])), _class="alarm")
        if lines
        else Markup("")
    )
    links = join(
        [
            tag("li", tag("a", name, href=f"#{identity}"))
            for identity, name in (
                ("gates", "Gates"),
                ("series", "Trends"),
                ("flaky", "Flaky problems"),
                ("nights", "Nights"),
            )
        ]
    )
    body = [
        tag(
            "header",
            join(
                [
                    tag("h1", doc["name"]),
                    tag("p", f"{headline(doc).capitalize()}.", _class="lead"),
                    tag("p", f"{said}.") if (said := reused(doc)) else Markup(""),
                    box,
                ]
            ),
        ),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag(
            "main",
            join(
                [
                    section("gates", "Gates", gates(doc)),
                    section("series", "Trends", listing(doc, series)),
                    section("flaky", "Flaky problems", *flaky(doc)),
                    section("nights", "Nights", history(nights)),
                ]
            ),
        ),
    ]
    return shell(KIND, f"{doc['name']}, night {doc['night']}", join(body))


def gates(doc: Document) -> Markup:
    if not doc["gates"]:
        return tag("p", "No gate is configured.")
    order = ("failed", "not_judged", "held")
    rows = [
        [
            gate["cell"],
            gate["gate"],
            tag("b", STATES["failed"]) if gate["state"] == "failed" else STATES[gate["state"]],
            gate["said"],
        ]
        for gate in sorted(doc["gates"], key=lambda gate: order.index(gate["state"]))
    ]
    caption = (
        f"Of the latest night; p-values are corrected for its {many(doc['tests'], 'test')}. With "
        "no change, at most one night in twenty has any false alarm."
    )
    return table(caption, ["cell", "gate", "", "what was seen"], rows, tall=len(rows) > 12)


def listing(doc: Document, series: Sequence[Document]) -> Markup:
    shown = columns({"cells": [item["latest"] for item in series]})
    rows: list[list[object]] = []
    for item in series:
        latest = item["latest"]
        night = f"night {latest['night']}"
        rows.append(
            [
                tag("a", item["name"], href=item["page"]),
                Markup(spark(item["recent"], f"the last {len(item['recent'])} values")),
                tag("a", night, href=latest["report"], _class="num") if latest["report"] else night,
                *(Cell(figure(latest, name), number=True) for name in shown),
            ]
        )
    figures = [Cell(heading(name)) for name in shown]
    head: list[str | Cell] = ["series", "", "report", *figures]
    return table("The last value of every series, with 95% intervals", head, rows)


def flaky(doc: Document) -> list[object]:
    found = doc["flaky"]
    said = (
        f"{many(found['executed'], 'program')} of the night ran again, and {found['found']} of "
        "them got another verdict. Problems of such programs leave the gates' statistics for "
        "a while."
    )
    rows = flips(doc)
    if not rows:
        return [tag("p", said), tag("p", "None is in quarantine.")]
    head = ["problem", "verdicts of the same program", "found"]
    return [tag("p", said), table("In quarantine", head, rows, tall=len(rows) > 12)]


def history(nights: Sequence[Document]) -> Markup:
    rows = [
        [
            f"{night['night']}",
            night["started"],
            OUTCOMES.get(night["outcome"], "under way"),
            Cell(f"{night['failed']:,}", number=True),
            Cell(f"{night['done']:,} of {night['cells']:,}", number=True),
            Cell(f"{night['seconds'] / 60:,.1f}", number=True),
        ]
        for night in nights[:LISTED]
    ]
    head: list[str | Cell] = [
        "night",
        "started, UTC",
        "outcome",
        Cell("gates failed"),
        Cell("cells"),
        Cell("minutes"),
    ]
    return table(f"The last {many(len(rows), 'night')}", head, rows, tall=len(rows) > 12)


def series_page(name: str, item: Document) -> str:
    """item: `name`, `steps` (whether its points are checkpoints) and `points`, first to last, each
    with `night`, `started`, `checkpoint`, `step`, `state`, `failed` (metrics), `report`, `figures`.
    """
    points = item["points"]
    shown = columns({"cells": points})
    drawings = [
        framed(trend(f"trend-{i}", drawing(item, metric)), caption(item, metric))
        for i, metric in enumerate(shown)
    ]
    rows: list[list[object]] = []
    for point in reversed(points[-LISTED:]):
        report = tag("a", "report", href=point["report"]) if point["report"] else ""
        rows.append(
            [
                tag("span", point["checkpoint"] or f"night {point['night']}", _class="num"),
                tag("span", point["started"], _class="num"),
                ", ".join(point["failed"]) or "",
                *(Cell(figure(point, metric), number=True) for metric in shown),
                report,
            ]
        )
    head: list[str | Cell] = [
        "checkpoint" if item["steps"] else "",
        "night of",
        "gates failed",
        *(Cell(heading(metric)) for metric in shown),
        "",
    ]
    body = [
        tag("header", join([tag("h1", item["name"]), tag("p", lead(item), _class="lead")])),
        tag(
            "main",
            join(
                [
                    tag("p", tag("a", f"All of {name}", href="../index.html")),
                    *drawings,
                    section("values", "Values", table("Last first", head, rows, tall=True)),
                ]
            ),
        ),
    ]
    return shell(KIND, item["name"], join(body), ("figures.js",))


def lead(item: Document) -> str:
    points = item["points"]
    what = "checkpoint" if item["steps"] else "night"
    failed = sum(bool(point["failed"]) for point in points)
    return f"{many(len(points), what)}, of which {failed:,} failed a gate."


def caption(item: Document, metric: str) -> str:
    axis = "training step" if item["steps"] else "night"
    intervals = any(
        metric in point["figures"] and point["figures"][metric]["low"] is not None
        for point in item["points"]
    )
    band = ", with 95% intervals for problems drawn anew" if intervals else ""
    return f"{heading(metric).removesuffix(', %')} by {axis}{band}; filled: a gate failed."


def drawing(item: Document, metric: str) -> Trend:
    found = []
    for point in item["points"]:
        own: dict[str, Any] | None = point["figures"].get(metric)
        if own is None:
            continue
        called = point["checkpoint"] or f"night {point['night']}"
        found.append(
            Point(
                point["step"] if item["steps"] else point["night"],
                own["value"],
                own["low"],
                own["high"],
                metric in point["failed"],
                called,
            )
        )
    if item["steps"]:
        found.sort(key=lambda point: point.x)
    label = "training step" if item["steps"] else "night"
    plain = metric in ("tokens_per_second", "money")
    return Trend(f"{item['name']}, {heading(metric)}", label, found, not plain)
