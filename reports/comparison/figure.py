"""Differences of pass@k with their intervals, drawn about zero."""

from __future__ import annotations

from html import escape
from typing import Any

from reports.comparison.words import outcome, points, span
from reports.curve import NARROW, WIDE
from reports.svg import Scale, text, wrap

SHOWN = 40  # rows; the table has all


def figure_of(identity: str, item: dict[str, Any]) -> str:
    """A line a scope and k; "" where there is no interval to draw."""
    rows = [
        (scope["name"], row)
        for scope in item["scopes"]
        for row in scope["metrics"]
        if row["low"] is not None and row["metric"].startswith("pass@")
    ][:SHOWN]
    if not rows:
        return ""
    reach = max(0.01, *(abs(row[end]) for _, row in rows for end in ("low", "high"))) * 1.05
    parts = []
    for css, width, left in (("wide", WIDE, 230), ("narrow", NARROW, 150)):
        height = 24 * len(rows) + 46
        x = Scale(-reach, reach, left, width - 16)
        body = []
        for value in x.ticks(52):
            at = x.at(value)
            body.append(f'<path class="grid" d="M{at:g} 8V{height - 34}"/>')
            body.append(text(at, height - 16, points(value), "tick", "middle"))
        body.append(f'<path class="rule" d="M{x.at(0.0):g} 8V{height - 34}"/>')
        body.append(text((left + width - 16) / 2, height - 1, "points", "axis", "middle"))
        for i, (name, row) in enumerate(rows):
            middle = 22 + 24 * i
            word = outcome(row)
            label = f"{name}, {row['metric']}"
            tone = {"better": "t3", "worse": "t8"}.get(word, "t0")
            filled = ' style="fill:var(--c)"' if word in ("better", "worse") else ""
            body.append(text(left - 12, middle + 4, label, "tick", "end"))
            body.append(
                f'<path class="whisker {tone}" d="M{x.at(row["low"]):g} {middle}'
                f'H{x.at(row["high"]):g}"/>'
                f'<circle class="mark {tone}" cx="{x.at(row["difference"]):g}" cy="{middle}" '
                f'r="4.5"{filled}><title>{escape(label)}: {points(row["difference"])} points, '
                f"{span(row)} ({word})</title></circle>"
            )
        desc = "; ".join(
            f"{name} {row['metric']} {points(row['difference'])} points, {outcome(row)}"
            for name, row in rows
        )
        title = f"Differences of pass@k, {item['label']}"
        svg = wrap(f"{identity}-{css}", width, height, title, desc, "".join(body))
        parts.append(f'<div class="{css}">{svg}</div>')
    return "".join(parts)
