"""The curves of a report, drawn from its JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from pipeline.records import EVIDENCE
from reports.curve import NARROW, WIDE, Curve, twice
from reports.svg import Frame, Line, compact

Document = dict[str, Any]

AXES = {
    "tokens": "tokens a problem",
    "flops": "FLOPs a problem",
    "device_seconds": "device seconds a problem",
    "sandbox_seconds": "sandbox CPU seconds a problem",
    "money": "for 1,000 problems",
}


def languages(doc: Document) -> list[dict[str, Any]]:
    """The scopes of one language each."""
    return [scope for scope in doc["scopes"] if scope["kind"] == "language"]


def evidence(doc: Document) -> str:
    """A sentence that says what the verdicts rest on."""
    asked = doc["config"].get("execute", {}).get("evidence", "completed")
    counts = dict.fromkeys(EVIDENCE, 0)
    others = []
    for scope in languages(doc):
        for name, count in scope["verdicts"]["evidence"].items():
            counts[name] += count
        other = scope["verdicts"]["samples"] - scope["verdicts"]["evidence"][asked]
        if other:
            others.append(f"{scope_label(doc, scope)} {other:,}")
    found = ", ".join(f"{count:,} on {name}" for name, count in counts.items() if count)
    said = f"Evidence that the verdicts rest on: {found or 'none'}."
    if asked == "exit_status":
        said += " A program that ends with status 0 before its test passes like any other."
    if others:
        said += f" Asked for was {asked}, which could not be had for: {', '.join(others)}."
    return said


def whole(doc: Document) -> dict[str, Any]:
    """The scope of all problems."""
    return next(dict(scope) for scope in doc["scopes"] if scope["whole"])


def scope_label(doc: Document, scope: dict[str, Any]) -> str:
    """A name as short as the datasets of the run allow."""
    several = len({item["dataset"] for item in languages(doc)}) > 1
    if scope["kind"] == "language":
        return str(scope["name"] if several else scope["language"])
    if scope["kind"] == "run":
        return "all datasets"
    short = "all problems" if scope["kind"] == "all" else "common problems"
    return f"{scope['dataset']}, {short}" if several else short


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Names beside swatches: (css classes, name)."""
    items = "".join(f'<li><i class="{css}"></i>{escape(name)}</li>' for css, name in entries)
    return f'<ul class="legend">{items}</ul>'


def percent(value: float | None, digits: int = 1) -> str:
    return "\N{EN DASH}" if value is None else f"{100 * value:.{digits}f}"


def hovers(name: str, curve: dict[str, Any], confidence: float) -> list[str]:
    texts = []
    for k, value, low, high in zip(
        curve["k"], curve["value"], curve["low"], curve["high"], strict=True
    ):
        interval = "" if low is None else f" [{percent(low)}, {percent(high)}]"
        texts.append(f"{name}: pass@{k} = {percent(value)} %{interval} ({confidence:.0%})")
    return texts


def marked(ks: Sequence[int]) -> list[int]:
    """Points with a dot: the powers and halves that an axis names, and the last."""
    return [i for i, k in enumerate(ks) if str(k).rstrip("0") in ("1", "2", "5") or k == ks[-1]]


def band_note(doc: Document) -> str:
    return f"band: {doc['confidence']:.0%} interval"


def pass_curve(doc: Document) -> Curve:
    """pass@k against k, a line a language; the band is that of all problems."""
    scopes = languages(doc)
    total = whole(doc)
    shown = [(tone, scope) for tone, scope in enumerate(scopes, start=1)]
    if len(scopes) > 1:
        shown.append((0, total))
    lines = []
    for tone, scope in shown:
        curve = scope["curve"]
        label = scope_label(doc, scope) if tone else "all"
        banded = scope is shown[-1][1]
        lines.append(
            Line(
                label,
                curve["k"],
                curve["value"],
                curve["low"] if banded else (),
                curve["high"] if banded else (),
                tone=tone,
                strong=not tone,
                marks=marked(curve["k"]),
                hover=hovers(label, curve, doc["confidence"]),
            )
        )
    last = total["curve"]["value"][-1]
    desc = (
        f"Share of problems that at least one of k samples solves, for k from 1 to {doc['n']}. "
        f"Over all problems it goes from {percent(total['curve']['value'][0])} % at k = 1 "
        f"to {percent(last)} % at k = {doc['n']}."
    )
    return Curve(
        "passk",
        "pass@k against k",
        desc,
        lines,
        Frame(WIDE, 400, "k, samples a problem", "pass@k", labelled=True),
        band_note(doc),
    )


def pass_figure(doc: Document) -> str:
    """The curve for both widths; the narrow one has its names below it."""
    curve = pass_curve(doc)
    key = legend(
        [(f"t{line.tone}{' strong' if line.strong else ''}", line.label) for line in curve.lines]
    )
    drawing = twice(curve)
    return f'{drawing}<div class="narrow">{key}</div>' if drawing else ""


def budget_curves(doc: Document) -> list[tuple[str, str, Curve]]:
    """pass@k against each kind of cost that is known, of the whole run: (axis, heading, curve)."""
    curve = whole(doc)["curve"]
    cost = curve["cost"]
    entry = next((line for line in doc["ledger"] if line["name"] == "money"), None)
    panels = (
        ("tokens", "Tokens", (("tokens_billed", "billed", 0), ("tokens_shared", "shared", 1))),
        ("flops", "Arithmetic", (("flops_billed", "billed", 0), ("flops_shared", "shared", 1))),
        ("device_seconds", "Device time", (("device_seconds", "all problems", 1),)),
        ("sandbox_seconds", "Sandbox time", (("sandbox_seconds", "all problems", 1),)),
        ("money", "Money", (("money", "all problems", 1),)),
    )
    found = []
    for axis, heading, views in panels:
        label = f"{entry['unit']} {AXES[axis]}" if axis == "money" and entry else AXES[axis]
        lines = []
        for name, view, tone in views:
            scale = 1000.0 if axis == "money" else 1.0
            spending = [None if spent is None else scale * spent for spent in cost[name]]
            hover = [
                f"k = {k}: {percent(value)} % for {compact(spent)} {label}" if spent else ""
                for k, value, spent in zip(curve["k"], curve["value"], spending, strict=True)
            ]
            points = [i for i, spent in enumerate(spending) if spent is not None]
            lines.append(
                Line(
                    view,
                    spending,
                    curve["value"],
                    curve["low"],
                    curve["high"],
                    tone=tone,
                    # Where only some k have a cost, every point is shown.
                    marks=points if len(points) < len(spending) else marked(curve["k"]),
                    hover=hover,
                )
            )
        if axis == "tokens":
            lines += equal_lines(doc)
        drawn = Curve(
            f"budget-{axis.replace('_', '-')}",
            f"pass@k against {label}",
            f"pass@k over all problems against {label}, logarithmic, with a band.",
            lines,
            Frame(NARROW, 250, label, "pass@k"),
            band_note(doc),
        )
        if drawn.drawable:
            found.append((axis, heading, drawn))
    return found


def equal_lines(doc: Document) -> list[Line]:
    """Dashed: the same budget for every problem, spent in random order."""
    return [
        Line(f"{view}, equal budgets", curve["budget"], curve["value"], tone=tone, dashed=True)
        for view, tone in (("billed", 0), ("shared", 1))
        if (curve := doc["equal_budget"].get(view))
    ]
