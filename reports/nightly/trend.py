"""A figure over nights, or over training steps, with its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

import numpy as np

from reports.curve import NARROW, WIDE, as_csv, saved
from reports.scale import Scale
from reports.svg import compact, text, wrap

FAILED, PLAIN = "t8", "t1"
MARKED = 60  # with more points only those that failed, and the last, have a mark


@dataclass(frozen=True, slots=True)
class Point:
    x: float  # night, or training step
    value: float
    low: float | None
    high: float | None
    failed: bool  # a gate on this figure did
    called: str  # the night or the checkpoint


@dataclass(frozen=True, slots=True)
class Trend:
    """One drawing. percent: values are shares."""

    title: str
    x_label: str
    points: Sequence[Point]
    percent: bool

    def shown(self, value: float) -> str:
        return f"{100 * value:.1f}%" if self.percent else compact(value)

    def told(self, point: Point) -> str:
        """A point in words."""
        if point.low is None or point.high is None:
            return f"{point.called}: {self.shown(point.value)}"
        ends = f"[{self.shown(point.low)}, {self.shown(point.high)}]"
        return f"{point.called}: {self.shown(point.value)} {ends}"


def trend(identity: str, drawn: Trend) -> str:
    """Drawn for wide and for narrow pages; "" without a point."""
    if not drawn.points:
        return ""
    drawings = (
        f'<div class="{css}">{svg(f"{identity}-{css}", drawn, width, 250)}</div>'
        for css, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return "".join(drawings) + saved(csv_text(drawn))


def csv_text(drawn: Trend) -> str:
    """A row a point, shares from 0 to 1; empty where there is no interval."""
    rows = [[p.called, p.x, p.value, p.low, p.high, int(p.failed)] for p in drawn.points]
    what = drawn.title.removesuffix(", %")  # which the values here are not in
    return as_csv([["", drawn.x_label, what, "low", "high", "failed"], *rows])


def svg(identity: str, drawn: Trend, width: int, height: int) -> str:
    points = drawn.points
    x, y = scales(drawn, width, height)
    parts = []
    for value in y.ticks(34):
        at = y.at(value)
        parts.append(f'<path class="grid" d="M{x.start:g} {at:g}H{x.stop:g}"/>')
        parts.append(text(x.start - 8, at + 4, drawn.shown(value), "tick", "end"))
    for value in x.ticks(64):
        if value == int(value):
            at = x.at(value)
            parts.append(f'<path class="rule" d="M{at:g} {y.start:g}v5"/>')
            parts.append(text(at, y.start + 18, compact(value), "tick", "middle"))
    parts.append(f'<path class="rule" d="M{x.start:g} {y.start:g}H{x.stop:g}"/>')
    parts.append(text((x.start + x.stop) / 2, height - 2, drawn.x_label, "axis", "middle"))
    across = pixels(x, [p.x for p in points])
    spots = [*zip(across, pixels(y, [p.value for p in points]), strict=True)]
    parts.append(band(points, across, y))
    if len(points) > 1:
        joined = " ".join(map(",".join, spots))
        parts.append(f'<polyline class="line {PLAIN}" points="{joined}"/>')
    for i, (point, (px, py)) in enumerate(zip(points, spots, strict=True)):
        if point.failed or len(points) <= MARKED or i == len(points) - 1:
            tone = f"full {FAILED}" if point.failed else PLAIN
            parts.append(
                f'<circle class="mark {tone}" cx="{px}" cy="{py}" r="3.5">'
                f"<title>{escape(drawn.told(point))}</title></circle>"
            )
    last = drawn.told(points[-1])
    told = f"{len(points)} points; the last, {last}; {sum(p.failed for p in points)} failed"
    return wrap(identity, width, height, drawn.title, told, "".join(parts))


def pixels(scale: Scale, values: Sequence[float]) -> list[str]:
    """Where values lie, as text: `Scale.at` for many at once."""
    share = (np.asarray(values, np.float64) - scale.low) / (scale.high - scale.low)
    return [f"{at:g}" for at in np.round(scale.start + share * (scale.stop - scale.start), 1)]


def scales(drawn: Trend, width: int, height: int) -> tuple[Scale, Scale]:
    points = drawn.points
    ends = [e for p in points for e in (p.value, p.low, p.high) if e is not None]
    low, high = min(ends), max(ends)
    room = 0.08 * (high - low) or max(0.02, 0.1 * abs(high))
    low = max(0.0, low - room)
    high = min(1.0, high + room) if drawn.percent else high + room
    xs = [p.x for p in points]
    side = 0.5 if min(xs) == max(xs) else 0.0
    return (
        Scale(min(xs) - side, max(xs) + side, 52, width - 12),
        Scale(low, high, height - 42, 12),
    )


def band(points: Sequence[Point], across: Sequence[str], y: Scale) -> str:
    """The intervals; one for each stretch of points that have them."""
    parts = []
    at = 0
    for known, stretch in groupby(points, key=lambda p: p.low is not None and p.high is not None):
        own = list(stretch)
        x = across[at : at + len(own)]
        at += len(own)
        if not known:
            continue
        high, low = (pixels(y, [getattr(p, end) for p in own]) for end in ("high", "low"))
        if len(own) == 1:
            parts.append(f'<path class="whisker {PLAIN}" d="M{x[0]} {low[0]}V{high[0]}"/>')
            continue
        there = map(",".join, zip(x, high, strict=True))
        back = map(",".join, reversed([*zip(x, low, strict=True)]))
        parts.append(f'<polygon class="band {PLAIN}" points="{" ".join([*there, *back])}"/>')
    return "".join(parts)


def spark(values: Sequence[float], words: str) -> str:
    """A small line without axes, for a table."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    x = Scale(0, len(values) - 1, 1, 119)
    y = Scale(low, high, 22, 2)
    joined = " ".join(f"{x.at(i):g},{y.at(value):g}" for i, value in enumerate(values))
    return (
        f'<svg viewBox="0 0 120 24" role="img" aria-label="{escape(words)}" '
        'style="width:7.5rem;display:inline-block;vertical-align:middle">'
        f'<polyline class="line {PLAIN}" points="{joined}"/></svg>'
    )
