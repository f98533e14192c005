"""Reads the history for the site and writes its pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.history import History
from pipeline.nightly.cells import folder
from reports.nightly.site import LISTED, index, series_page
from reports.write import replace

SITE = "site"
RECENT = 60  # values of a small line

Document = dict[str, Any]


def write(place: Path, history: History, doc: Document) -> Path:
    """The site of all nights in `place`/site; doc: the latest night's summary. Returns its index.

    Every page is replaced whole, the index last.
    """
    site = place / SITE
    (site / "series").mkdir(parents=True, exist_ok=True)
    listed = []
    for name in series(history):
        item: Document = {"name": name, "points": points(place, history, name, "../../")}
        item["steps"] = any(point["checkpoint"] for point in item["points"])
        page = f"series/{folder(name)}.html"
        replace(site / page, series_page(doc["name"], item))
        listed.append(entry(item, page))
    replace(site / "index.html", index(doc, nights(history, doc), listed))
    return site / "index.html"


def entry(item: Document, page: str) -> Document:
    """A series as the index lists it."""
    found: Sequence[Document] = item["points"]
    latest = found[-1]
    first = next(iter(latest["figures"]), "")
    return {
        "name": item["name"],
        "page": quote(page),
        "latest": latest | {"report": latest["report"].removeprefix("../")},
        "recent": [p["figures"][first]["value"] for p in found[-RECENT:] if first in p["figures"]],
    }


def series(history: History) -> list[str]:
    """Those that have figures, as the last night that had them orders them."""
    found = history.rows(
        "SELECT series FROM (SELECT series, max(night) AS last, "
        "arg_max(position, night) AS place FROM cells WHERE n IS NOT NULL GROUP BY series) "
        "ORDER BY last DESC, place, series"
    )
    return [str(row[0]) for row in found]


def points(place: Path, history: History, name: str, above: str) -> list[Document]:
    """All nights or checkpoints of a series that have figures, in their order.

    above: from the page to `place`.
    """
    rows = history.rows(
        "SELECT night, checkpoint, step, state, run, strftime(started, '%Y-%m-%d') FROM cells "
        "JOIN nights USING (night) WHERE series = ? AND n IS NOT NULL ORDER BY step, night",
        [name],
    )
    found = {
        (night, checkpoint): {
            "night": night,
            "checkpoint": checkpoint,
            "step": step,
            "state": state,
            "started": started,
            "report": report(place, run, above) if at >= len(rows) - LISTED else "",
            "failed": [],
            "figures": {},
        }
        for at, (night, checkpoint, step, state, run, started) in enumerate(rows)
    }
    for night, checkpoint, metric, *numbers in history.rows(
        "SELECT night, checkpoint, metric, value, low, high FROM figures WHERE series = ? "
        "ORDER BY night, checkpoint, rowid",
        [name],
    ):
        own = found[night, checkpoint]["figures"]
        own[metric] = dict(zip(("value", "low", "high"), numbers, strict=True))
    for night, checkpoint, metric in history.rows(
        "SELECT night, checkpoint, metric FROM gates WHERE series = ? AND state = 'failed'", [name]
    ):
        if (night, checkpoint) in found:
            found[night, checkpoint]["failed"].append(metric)
    return list(found.values())


def report(place: Path, run: str, above: str) -> str:
    """The address of a run's report page; "" where it was pruned or not written."""
    page = f"{run}/report/report.html"
    return quote(above + page) if run and (place / page).is_file() else ""


def nights(history: History, doc: Document) -> list[Document]:
    """All nights, last first; that of `doc` is judged, though the history does not say so yet."""
    names = ("night", "started", "outcome", "seconds", "cells", "done", "failed")
    rows = history.rows(
        "SELECT night, strftime(started, '%Y-%m-%d %H:%M'), coalesce(outcome, ''), "
        "nights.seconds, count(series), count(*) FILTER (state = 'done'), "
        "(SELECT count(*) FROM gates WHERE gates.night = nights.night AND state = 'failed') "
        "FROM nights LEFT JOIN cells USING (night) GROUP BY ALL ORDER BY night DESC"
    )
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for night in found:
        if night["night"] == doc["night"]:
            night["outcome"] = doc["outcome"]
    return found
