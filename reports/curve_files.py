"""Curves as files beside a page: NAME.svg and NAME.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reports.curve import Curve, csv_text
from reports.figures import Document, budget_curves, pass_curve
from reports.log_chart import STYLE, alone
from reports.ranked_figures import ranked_curves
from reports.svg import Frame, Line, chart, defined, text

WIDTH, HEIGHT = 560, 380  # of the plot; the legend stands on its right
TITLE = 30  # pixels above the plot
ROW = 20  # of the legend
LETTER = 7.0  # pixels, at most, of a letter of the legend

# The page's colours in its light theme; as there, tones from the ninth on are dashed.
TONES = ("#1c1b19", "#1f63a8", "#b4560a", "#1a7a5a", "#a23c78", "#14768a", "#80621a", "#6450b4",
         "#b23434")  # fmt: skip
FILE_STYLE = STYLE + ".title{font-size:15px;font-weight:600}.line.strong{stroke-width:3}"
FILE_STYLE += "".join(
    f".line.t{i},.mark.t{i},.whisker.t{i}{{stroke:{colour}}}"
    f".band.t{i},.mark.full.t{i}{{fill:{colour}}}"
    for i, colour in enumerate(TONES + TONES[1:6])
)
FILE_STYLE += "".join(f".line.t{i}{{stroke-dasharray:7 4}}" for i in range(9, 14))
FILE_STYLE += ".line.dashed{stroke-width:1.5;stroke-dasharray:2 5}"
FILE_STYLE += ".whisker{stroke-width:2;opacity:.55}"


def report_files(doc: Document) -> dict[str, str]:
    """Those of a report's curves."""
    return curve_files(
        [pass_curve(doc), *(c for _, _, c in budget_curves(doc)), *ranked_curves(doc)]
    )


def curve_files(curves: Sequence[Curve]) -> dict[str, str]:
    """The content of each file by its name; a curve without two points has none."""
    found = {}
    for curve in curves:
        if curve.drawable:
            found[f"{curve.name}.svg"] = svg_file(curve)
            found[f"{curve.name}.csv"] = csv_text(curve)
    return found


def svg_file(curve: Curve) -> str:
    """The drawing with its title and a legend: it stands alone, so nothing beside it says them."""
    drawn = [line for line in curve.lines if len(defined(line)) > 1]
    names = [line.label for line in drawn] + [curve.note]
    width = WIDTH + 60 + round(LETTER * max(map(len, names)))
    height = TITLE + max(HEIGHT, 40 + ROW * len(names))
    frame = replace(curve.frame, width=WIDTH, height=HEIGHT, labelled=False)
    plot = f'<g transform="translate(0 {TITLE})">{chart(curve.lines, frame)}</g>'
    body = text(8, 20, curve.title, "title") + plot + legend(drawn, curve.note)
    size = Frame(width, height, frame.x_label, frame.y_label)
    return alone(curve.name, curve.title, curve.desc, body, size, FILE_STYLE)


def legend(lines: list[Line], note: str) -> str:
    """A stroke and a name a line; under them what the bands are."""
    left, parts = WIDTH + 10, []
    for at, line in enumerate(lines):
        y = TITLE + 32 + ROW * at
        css = f"line t{line.tone}{' dashed' if line.dashed else ''}"
        css += " strong" if line.strong else ""
        parts.append(f'<path class="{css}" d="M{left} {y}h24"/>')
        parts.append(text(left + 32, y + 4, line.label, "name"))
    band = next((line for line in lines if line.low), None)
    if band is not None:
        y = TITLE + 32 + ROW * len(lines)
        parts.append(f'<path class="band t{band.tone}" d="M{left} {y - 6}h24v12h-24z"/>')
        parts.append(text(left + 32, y + 4, note, "name"))
    return f'<g class="legend">{"".join(parts)}</g>'
