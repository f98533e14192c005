"""Line charts as SVG files that stand alone; those with two logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence

from reports.scale import Scale
from reports.svg import Frame, Line, compact, defined, end_labels, stroke, text, wrap

LEFT, RIGHT, TOP, BOTTOM = 58, 150, 28, 44  # pixels around the plot; names stand on the right
COLOURS = ("#444", "#1f6fb4", "#c8501e", "#2e8540", "#8a4baf", "#a0741a")
STYLE = (
    "text{font:12px sans-serif;fill:#333}.tick{fill:#666}.grid{stroke:#e2e2e2}.rule{stroke:#888}"
    ".line{fill:none;stroke-width:2}.dashed{stroke-dasharray:5 4}.mark{fill:#fff;stroke-width:2}"
    ".band{opacity:.12}"
) + "".join(
    f".line.t{i},.mark.t{i}{{stroke:{colour}}}.end.t{i},.band.t{i}{{fill:{colour}}}"
    for i, colour in enumerate(COLOURS)
)


def log_chart(identity: str, title: str, desc: str, lines: Sequence[Line], frame: Frame) -> str:
    """An SVG file. Raises ValueError where no line has two points."""
    drawn = [line for line in lines if len(defined(line)) > 1]
    if not drawn:
        raise ValueError(f"{title}: no line has two points")
    xs = [float(line.x[i] or 0) for line in drawn for i in defined(line)]
    ys = [float(line.y[i] or 0) for line in drawn for i in defined(line)]
    x = Scale(min(xs), max(xs), LEFT, frame.width - RIGHT, log=True)
    y = Scale(min(ys) / 1.1, max(ys) * 1.1, frame.height - BOTTOM, TOP, log=True)
    body = []
    for value in y.ticks(26):
        at = y.at(value)
        body.append(f'<path class="grid" d="M{x.start:g} {at:g}H{x.stop:g}"/>')
        body.append(text(x.start - 8, at + 4, compact(value), "tick", "end"))
    for value in sorted(set(xs)):
        at = x.at(value)
        body.append(f'<path class="rule" d="M{at:g} {y.start:g}v5"/>')
        body.append(text(at, y.start + 18, f"{value:g}", "tick", "middle"))
    body.append(f'<path class="rule" d="M{x.start:g} {y.start:g}H{x.stop:g}"/>')
    body.append(text((x.start + x.stop) / 2, frame.height - 6, frame.x_label, "axis", "middle"))
    body.append(text(4, 14, frame.y_label, "axis"))
    body += [stroke(line, x, y) for line in drawn]
    # Names beside the last points of all lines, wherever along x those end.
    body += end_labels(drawn, x, y)
    return alone(identity, title, desc, "".join(body), frame)


def alone(identity: str, title: str, desc: str, body: str, frame: Frame, style: str = STYLE) -> str:
    """The inside of a drawing as a file with colours of its own."""
    background = f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
    svg = wrap(identity, frame.width, frame.height, title, desc, background + body)
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"
