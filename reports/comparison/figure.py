"""Differences of pass@k with their intervals, drawn about zero: for the page, and as files."""

from __future__ import annotations

from html import escape
from typing import Any

from reports.comparison.words import outcome, points, span
from reports.curve import NARROW, WIDE, as_csv, saved
from reports.curve_files import FILE_STYLE, TITLE
from reports.log_chart import alone
from reports.scale import Scale
from reports.svg import Frame, text, wrap

SHOWN = 40  # rows; the table and the CSV have all
ROW = 24  # pixels
LETTER = 6.4  # pixels, at most, of a letter of the names
NAMES = 0.55  # of the width at most for the names, on the left; longer ones are shortened
COLUMNS = ("metric", "first", "second", "difference", "low", "high", "p_adjusted", "outcome")

Rows = list[tuple[str, dict[str, Any]]]  # a scope's name, one of its metrics


def figure_of(identity: str, item: dict[str, Any]) -> str:
    """A line a scope and k; "" where there is no interval to draw."""
    rows = drawable(item)[:SHOWN]
    if not rows:
        return ""
    parts = []
    for css, width in (("wide", WIDE), ("narrow", NARROW)):
        svg = wrap(
            f"{identity}-{css}", width, tall(rows), title(item), told(rows), plot(rows, width)
        )
        parts.append(f'<div class="{css}">{svg}</div>')
    return "".join(parts) + saved(csv_text(item))


def figure_files(identity: str, item: dict[str, Any], confidence: float) -> dict[str, str]:
    """The content of `identity`.svg and .csv by their names; none where nothing can be drawn."""
    rows = drawable(item)[:SHOWN]
    if not rows:
        return {}
    note = f"{confidence:.0%} intervals for problems drawn anew; filled: beyond the noise"
    height = TITLE + tall(rows) + TITLE
    body = text(8, 20, title(item), "title") + text(8, height - 8, note, "tick")
    body += f'<g transform="translate(0 {TITLE})">{plot(rows, WIDE)}</g>'
    frame = Frame(WIDE, height, "points", "")
    svg = alone(identity, title(item), told(rows), body, frame, FILE_STYLE)
    return {f"{identity}.svg": svg, f"{identity}.csv": csv_text(item)}


def csv_text(item: dict[str, Any]) -> str:
    """A row a scope and k, shares from 0 to 1; differences are the second's less the first's."""
    rows = [[name, *(row[column] for column in COLUMNS)] for name, row in drawable(item)]
    return as_csv([["scope", *COLUMNS], *rows])


def drawable(item: dict[str, Any]) -> Rows:
    return [
        (scope["name"], row)
        for scope in item["scopes"]
        for row in scope["metrics"]
        if row["low"] is not None and row["metric"].startswith("pass@")
    ]


def title(item: dict[str, Any]) -> str:
    return f"Differences of pass@k, {item['label']}"


def told(rows: Rows) -> str:
    return "; ".join(
        f"{name} {row['metric']} {points(row['difference'])} points, {outcome(row)}"
        for name, row in rows
    )


def tall(rows: Rows) -> int:
    return ROW * len(rows) + 46


def plot(rows: Rows, width: int) -> str:
    """The inside of an svg."""
    labels = [f"{name}, {row['metric']}" for name, row in rows]
    letters = min(max(map(len, labels)), int((NAMES * width - 14) / LETTER))
    left = round(14 + LETTER * letters)
    reach = max(0.01, *(abs(row[end]) for _, row in rows for end in ("low", "high"))) * 1.05
    bottom = tall(rows)
    x = Scale(-reach, reach, left, width - 16)
    body = []
    for value in x.ticks(52):
        at = x.at(value)
        body.append(f'<path class="grid" d="M{at:g} 8V{bottom - 34}"/>')
        body.append(text(at, bottom - 16, points(value), "tick", "middle"))
    body.append(f'<path class="rule" d="M{x.at(0.0):g} 8V{bottom - 34}"/>')
    body.append(text((left + width - 16) / 2, bottom - 1, "points", "axis", "middle"))
    for i, (label, (_, row)) in enumerate(zip(labels, rows, strict=True)):
        middle = 22 + ROW * i
        word = outcome(row)
        shown = label if len(label) <= letters else f"\N{HORIZONTAL ELLIPSIS}{label[1 - letters :]}"
        tone = {"better": "t3", "worse": "t8"}.get(word, "t0")
        full = " full" if word in ("better", "worse") else ""
        body.append(text(left - 12, middle + 4, shown, "tick", "end"))
        body.append(
            f'<path class="whisker {tone}" d="M{x.at(row["low"]):g} {middle}'
            f'H{x.at(row["high"]):g}"/>'
            f'<circle class="mark{full} {tone}" cx="{x.at(row["difference"]):g}" cy="{middle}" '
            f'r="4.5"><title>{escape(label)}: {points(row["difference"])} points, '
            f"{span(row)} ({word})</title></circle>"
        )
    return "".join(body)
