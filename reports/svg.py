"""Line charts as SVG text. Colours are CSS classes, so that the page's theme decides them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from reports.scale import Scale, round_step

Number = float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One series; None where it is undefined. `tone` is the colour class, 0 the ink."""

    label: str
    x: Sequence[Number]
    y: Sequence[Number]
    low: Sequence[Number] = ()
    high: Sequence[Number] = ()
    tone: int = 0
    dashed: bool = False
    strong: bool = False
    marks: Sequence[int] = field(default_factory=tuple)  # points drawn, with a hover text
    hover: Sequence[str] = field(default_factory=tuple)  # one a point, where marks are given


@dataclass(frozen=True, slots=True)
class Frame:
    """Size and axes of a chart."""

    width: int
    height: int
    x_label: str
    y_label: str
    labelled: bool = False  # names at the line ends, with room on the right for them


def text(x: float, y: float, content: str, css: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" class="{css}" text-anchor="{anchor}">{escape(content)}</text>'
    )


def wrap(identity: str, width: int, height: int, title: str, desc: str, body: str) -> str:
    """The svg element, with the title and description that a screen reader reads out."""
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="{identity}-t {identity}-d">'
        f'<title id="{identity}-t">{escape(title)}</title>'
        f'<desc id="{identity}-d">{escape(desc)}</desc>{body}</svg>'
    )


def compact(value: float) -> str:
    """1,200 as 1.2k; small values with two significant digits."""
    if value == 0:
        return "0"
    for limit, suffix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}" if abs(value) >= 1e-3 else f"{value:.0e}".replace("e-0", "e-")


def defined(line: Line) -> list[int]:
    """Points where both coordinates are known."""
    return [
        i
        for i, (x, y) in enumerate(zip(line.x, line.y, strict=True))
        if x is not None and y is not None and x > 0
    ]


def chart(lines: Sequence[Line], frame: Frame) -> str:
    """Axes, bands, lines and marks: the inside of an svg; "" where no line has two points."""
    drawn = [line for line in lines if len(defined(line)) > 1]
    if not drawn:
        return ""
    xs = [float(line.x[i] or 0) for line in drawn for i in defined(line)]
    tops = [
        float(bound)
        for line in drawn
        for i in defined(line)
        for bound in (line.y[i], line.high[i] if line.high else None)
        if bound is not None
    ]
    step = round_step(max(max(tops), 0.01) / 5)
    top = min(1.0, math.ceil(max(tops) / step - 1e-9) * step) or 1.0
    right = frame.width - (118 if frame.labelled else 12)
    x = Scale(min(xs), max(xs), 46, right, log=True)
    y = Scale(0.0, top, frame.height - 40, 28)
    parts = [*axes(x, y, frame)]
    for line in drawn:
        parts.append(band(line, x, y))
    for line in drawn:
        parts.append(stroke(line, x, y))
    if frame.labelled:
        parts += end_labels(drawn, x, y)
    return "".join(parts)


def axes(x: Scale, y: Scale, frame: Frame) -> list[str]:
    parts = []
    digits = 0 if y.high >= 0.04 else 1
    for value in y.ticks(34):
        at = y.at(value)
        parts.append(f'<path class="grid" d="M{x.start:g} {at:g}H{x.stop:g}"/>')
        parts.append(text(x.start - 8, at + 4, f"{100 * value:.{digits}f}%", "tick", "end"))
    for value in x.ticks(36):
        at = x.at(value)
        parts.append(f'<path class="rule" d="M{at:g} {y.start:g}v5"/>')
        parts.append(text(at, y.start + 18, compact(value), "tick", "middle"))
    parts.append(f'<path class="rule" d="M{x.start:g} {y.start:g}H{x.stop:g}"/>')
    middle = (x.start + x.stop) / 2
    parts.append(text(middle, frame.height - 4, frame.x_label, "axis", "middle"))
    parts.append(text(x.start - 42, 11, frame.y_label, "axis"))
    return parts


def band(line: Line, x: Scale, y: Scale) -> str:
    points = [
        (x.at(float(line.x[i] or 0)), y.at(float(lo)), y.at(float(hi)))
        for i in defined(line)
        if line.low and (lo := line.low[i]) is not None and (hi := line.high[i]) is not None
    ]
    if len(points) < 2:
        return ""
    there = " ".join(f"{px:g},{hi:g}" for px, _, hi in points)
    back = " ".join(f"{px:g},{lo:g}" for px, lo, _ in reversed(points))
    return f'<polygon class="band t{line.tone}" points="{there} {back}"/>'


def stroke(line: Line, x: Scale, y: Scale) -> str:
    at = {i: (x.at(float(line.x[i] or 0)), y.at(float(line.y[i] or 0))) for i in defined(line)}
    css = f"line t{line.tone}{' dashed' if line.dashed else ''}{' strong' if line.strong else ''}"
    joined = " ".join(f"{px:g},{py:g}" for px, py in at.values())
    parts = [f'<polyline class="{css}" points="{joined}"/>']
    for i in line.marks:
        if i in at:
            hover = f"<title>{escape(line.hover[i])}</title>" if line.hover else ""
            px, py = at[i]
            parts.append(f'<circle class="mark t{line.tone}" cx="{px:g}" cy="{py:g}" r="3.5">')
            parts.append(f"{hover}</circle>")
    return "".join(parts)


def end_labels(lines: Sequence[Line], x: Scale, y: Scale) -> list[str]:
    """Each line's name beside its last point, pushed apart where they would overlap."""
    placed = sorted(
        ((y.at(float(line.y[defined(line)[-1]] or 0)), line) for line in lines),
        key=lambda pair: pair[0],
    )
    heights = [at for at, _ in placed]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + 15)
    overflow = max(0.0, heights[-1] - y.start)
    return [
        text(x.stop + 10, height - overflow + 4, line.label, f"end t{line.tone}")
        for height, (_, line) in zip(heights, placed, strict=True)
    ]
