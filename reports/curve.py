"""A figure of curves: what the page draws, and the files beside it hold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from csv import writer
from dataclasses import dataclass, replace
from html import escape

from reports.svg import Frame, Line, chart, defined, wrap

WIDE, NARROW = 760, 360  # two drawings of the large figures: scaling one makes its text too small


@dataclass(frozen=True, slots=True)
class Curve:
    """`name` is that of its files and begins the page's ids; `note` says what the bands are."""

    name: str
    title: str
    desc: str
    lines: Sequence[Line]
    frame: Frame
    note: str = ""

    @property
    def drawable(self) -> bool:
        return any(len(defined(line)) > 1 for line in self.lines)


def csv_text(curve: Curve) -> str:
    """A row a point, floats in full, empty where undefined; bands are `low` and `high`."""
    rows: list[list[object]] = [["series", curve.frame.x_label, curve.frame.y_label, "low", "high"]]
    for line in curve.lines:
        low, high = line.low or [None] * len(line.x), line.high or [None] * len(line.x)
        for values in zip(line.x, line.y, low, high, strict=True):
            rows.append([line.label, *values])
    return as_csv(rows)


def as_csv(rows: Sequence[Sequence[object]]) -> str:
    """Floats in full, None as an empty field."""
    text = io.StringIO()
    writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def panel(curve: Curve) -> str:
    """One drawing for the page; "" where no line has two points."""
    body = chart(curve.lines, curve.frame)
    if not body:
        return ""
    frame = curve.frame
    svg = wrap(curve.name, frame.width, frame.height, curve.title, curve.desc, body)
    return svg + saved(csv_text(curve))


def twice(curve: Curve) -> str:
    """A large figure for wide and for narrow screens; the page's style shows one of them."""
    if not curve.drawable:
        return ""
    parts = []
    for css, width, height in (("wide", WIDE, curve.frame.height), ("narrow", NARROW, 280)):
        labelled = curve.frame.labelled and css == "wide"
        frame = replace(curve.frame, width=width, height=height, labelled=labelled)
        body = chart(curve.lines, frame)
        drawing = wrap(f"{curve.name}-{css}", width, height, curve.title, curve.desc, body)
        parts.append(f'<div class="{css}">{drawing}</div>')
    return "".join(parts) + saved(csv_text(curve))


def saved(csv: str) -> str:
    """The drawing's points, where the page's script finds them to save as CSV."""
    return f'<span hidden data-csv="{escape(csv)}"></span>'
