"""What ranking k samples is worth, drawn and told from a report's JSON document."""

from __future__ import annotations

from typing import Any

from reports.figures import AXES, NARROW, legend, marked
from reports.html import DASH, percent
from reports.svg import Frame, Line, chart, compact, wrap

Document = dict[str, Any]

AXIS = "tokens_billed"


def panels(doc: Document) -> list[tuple[str, str, str]]:
    """A panel each for pass@1 and pass@top3, a line a ranker: (axis, heading, drawing)."""
    found = []
    shown = [curve for curve in doc["ranked_curves"] if not curve["reason"]]
    for metric in dict.fromkeys(curve["metric"] for curve in shown):
        lines = []
        for tone, curve in enumerate((c for c in shown if c["metric"] == metric), start=1):
            spent = curve["cost"][AXIS]
            name = curve["ranker"].replace("_", " ")
            hover = [
                f"{name}, k = {k}: {percent(value)} % for {compact(cost)} tokens" if cost else ""
                for k, value, cost in zip(curve["k"], curve["value"], spent, strict=True)
            ]
            lines.append(
                Line(
                    name,
                    spent,
                    curve["value"],
                    curve["low"],
                    curve["high"],
                    tone=tone,
                    marks=marked(curve["k"]),
                    hover=hover,
                )
            )
        body = chart(lines, Frame(NARROW, 250, AXES["tokens"], metric))
        if body:
            title = f"{metric} after ranking against tokens"
            desc = f"{metric} after ranking what k samples hold, against billed tokens, with bands."
            drawing = wrap(f"ranked-{metric.split('@')[1]}", NARROW, 250, title, desc, body)
            key = legend([(f"t{line.tone}", line.label) for line in lines])
            found.append((f"ranked {metric}", f"{metric} after ranking", drawing + key))
    return found


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
