"""What ranking k samples is worth, drawn and told from a report's JSON document."""

from __future__ import annotations

from typing import Any

from reports.curve import NARROW, Curve, panel
from reports.figures import AXES, band_note, legend, marked
from reports.html import DASH, percent
from reports.svg import Frame, Line, compact

Document = dict[str, Any]

PANELS = (  # column of the costs, its words in figures.AXES, heading
    ("tokens_billed", "tokens", "billed tokens"),
    ("tokens_shared", "tokens", "tokens, prefixes shared"),
    ("flops_shared", "flops", "arithmetic, prefixes shared"),
    ("device_seconds", "device_seconds", "device time"),
    ("sandbox_seconds", "sandbox_seconds", "sandbox time"),
    ("money", "money", "money"),
)


def panels(doc: Document) -> list[tuple[str, str]]:
    """Heading and drawing of each curve."""
    found = []
    for curve in ranked_curves(doc):
        key = legend([(f"t{x.tone}", x.label) for x in curve.lines if not x.dashed])
        found.append((curve.title, panel(curve) + key))
    return found


def ranked_curves(doc: Document) -> list[Curve]:
    """One a budget that is known for pass@1 and for pass@top3, a line a ranker.

    Dashed, for tokens: every problem has the same budget.
    """
    found = []
    shown = [curve for curve in doc["ranked_curves"] if not curve["reason"]]
    currency = next(line["unit"] for line in doc["ledger"] if line["name"] == "money")
    for metric in dict.fromkeys(curve["metric"] for curve in shown):
        own = [curve for curve in shown if curve["metric"] == metric]
        for axis, words, heading in PANELS:
            label = f"{currency} {AXES[words]}" if words == "money" else AXES[words]
            scale = 1000.0 if words == "money" else 1.0
            lines = [drawn(curve, tone, axis, scale) for tone, curve in enumerate(own, start=1)]
            lines += equal(doc, metric, axis, [curve["ranker"] for curve in own])
            one = Curve(
                f"ranked-{metric.split('@')[1]}-{axis.replace('_', '-')}",
                f"{metric} after ranking against {heading}",
                f"{metric} after ranking what k samples hold, against {label}, with bands.",
                lines,
                Frame(NARROW, 250, label, metric),
                band_note(doc),
            )
            if one.drawable:
                found.append(one)
    return found


def drawn(curve: dict[str, Any], tone: int, axis: str, scale: float) -> Line:
    spent = [None if cost is None else scale * cost for cost in curve["cost"][axis]]
    name = curve["ranker"].replace("_", " ")
    hover = [
        f"{name}, k = {k}: {percent(value)} % for {compact(cost)}" if cost else ""
        for k, value, cost in zip(curve["k"], curve["value"], spent, strict=True)
    ]
    ends = (curve["low"], curve["high"])
    return Line(name, spent, curve["value"], *ends, tone, marks=marked(curve["k"]), hover=hover)


def equal(doc: Document, metric: str, axis: str, names: list[str]) -> list[Line]:
    """The same budget for every problem, spent in random order."""
    return [
        Line(
            f"{curve['ranker'].replace('_', ' ')}, equal budgets",
            curve["budget"],
            curve["value"],
            tone=1 + names.index(curve["ranker"]),
            dashed=True,
        )
        for curve in doc["ranked_equal_budget"]
        if curve["metric"] == metric and axis == f"tokens_{curve['view']}"
    ]


def table(doc: Document) -> tuple[list[str], list[list[str]]]:
    """Head and rows: each ranker's pass@1 and pass@top3 at the k that are reported."""
    curves = doc["ranked_curves"]
    ks = sorted({int(row["metric"].split("@")[1]) for row in doc["scopes"][0]["metrics"]})
    rows = [
        [
            curve["ranker"].replace("_", " "),
            curve["metric"],
            *(at(curve, k) for k in ks),
            curve["reason"],
        ]
        for curve in curves
    ]
    return ["ranker", "", *(f"k = {k}" for k in ks), ""], rows


def at(curve: dict[str, Any], k: int) -> str:
    if k not in curve["k"]:
        return DASH
    i = curve["k"].index(k)
    value, low, high = curve["value"][i], curve["low"][i], curve["high"][i]
    if value is None:
        return DASH
    return percent(value) + (f" ({percent(low)} to {percent(high)})" if low is not None else "")
