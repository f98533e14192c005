"""Budget curves of several settings on one axis."""

from __future__ import annotations

from typing import Any

from reports.curve import WIDE, Curve, twice
from reports.figures import legend, marked, percent
from reports.svg import Frame, Line, compact

TONES = 8


def budget_curve(one: dict[str, Any], confidence: float) -> Curve:
    """A line a setting; named `budget-tokens`, after ranking `ranked-1-tokens`."""
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
    ranked = one["metric"].endswith("after ranking")
    kind = f"ranked-{one['metric'].split()[0].split('@')[1]}" if ranked else "budget"
    return Curve(
        curve_name(kind, one["axis"]),
        f"{one['metric']} against {one['unit']}",
        " ".join(one["words"]),
        lines,
        Frame(WIDE, 360, one["unit"], one["metric"]),
        f"bands: {confidence:.0%} intervals",
    )


def curve_name(kind: str, axis: str) -> str:
    return f"{kind}-{axis.replace('_', '-')}"


def budget_figure(curve: Curve) -> str:
    """The drawing and its legend; "" where no line has two points."""
    drawn = twice(curve)
    key = legend([(f"t{x.tone}{' dash' if x.dashed else ''}", x.label) for x in curve.lines])
    return f"{drawn}{key}" if drawn else ""
