"""Budget curves of several settings on one axis."""

from __future__ import annotations

from typing import Any

from reports.curve import WIDE, Curve, twice
from reports.figures import legend, marked, percent
from reports.svg import Frame, Line, compact

TONES = 8


def budget_figure(identity: str, one: dict[str, Any]) -> str:
    """A line a setting; "" where none has two points."""
    lines = [
        Line(
            setting["label"],
            setting["cost"],
            setting["value"],
            setting["low"],
            setting["high"],
            tone=1 + i % TONES,
            dashed=i >= TONES,
            marks=marked(setting["k"]),
            hover=[
                f"{setting['label']}, k = {k}: {percent(value)} % for {compact(cost)} {one['unit']}"
                for k, value, cost in zip(
                    setting["k"], setting["value"], setting["cost"], strict=True
                )
            ],
        )
        for i, setting in enumerate(one["settings"])
    ]
    title = f"{one['metric']} against {one['unit']}"
    frame = Frame(WIDE, 360, one["unit"], one["metric"])
    drawn = twice(Curve(identity, title, " ".join(one["words"]), lines, frame))
    key = legend([(f"t{x.tone}{' dash' if x.dashed else ''}", x.label) for x in lines])
    return f"{drawn}{key}" if drawn else ""
