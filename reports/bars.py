"""Ranking, verdicts and problems of a report as bars and cells, drawn from its JSON document."""

from __future__ import annotations

from html import escape
from typing import Any

from reports.curve import NARROW, WIDE
from reports.figures import Document, languages, legend, percent, scope_label, whole
from reports.scale import Scale
from reports.svg import text, wrap

VERDICT_LABELS = {
    "passed": "passed",
    "wrong_answer": "wrong answer",
    "runtime_error": "runtime error",
    "compile_error": "compile error",
    "timeout": "timeout",
    "out_of_memory": "out of memory",
    "output_limit": "output limit",
    "incomplete": "incomplete",
    "forged": "forged",
    "infrastructure_error": "infrastructure error",
}


def ranking_figure(doc: Document) -> str:
    """pass@1 after each ranking, between no choice at all and a perfect one."""
    rows = [
        row
        for row in whole(doc)["ranking"]
        if row["value"] is not None and (row["metric"].endswith("pass@1"))
    ]
    bounds = {row["metric"]: row["value"] for row in whole(doc)["ranking"]}
    oracle, floor = bounds.get("oracle"), bounds.get("random pass@1")
    if not rows or oracle is None:
        return ""
    rows.sort(key=lambda row: -row["value"])
    parts = []
    for css, width, left in (("wide", WIDE, 150), ("narrow", NARROW, 104)):
        height = 34 * len(rows) + 62
        top = min(1.0, max([oracle, *(row["high"] or row["value"] for row in rows)]) * 1.06)
        x = Scale(0.0, top or 1.0, left, width - 16)
        body = []
        for value in x.ticks(52):
            at = x.at(value)
            body.append(f'<path class="grid" d="M{at:g} 26V{height - 30}"/>')
            body.append(text(at, height - 12, f"{100 * value:.0f}%", "tick", "middle"))
        for bound, name in ((floor, "random"), (oracle, "oracle")):
            if bound is not None:
                at = x.at(bound)
                apart = abs(x.at(oracle) - x.at(oracle if floor is None else floor)) > 60
                aside = "end" if name == "random" else "start"
                anchor = "end" if at > width - 60 else "middle" if apart else aside
                body.append(f'<path class="bound" d="M{at:g} 22V{height - 30}"/>')
                body.append(text(at, 14, name, "tick", anchor))
        for i, row in enumerate(rows):
            middle = 46 + 34 * i
            name = row["metric"].removesuffix(" pass@1")
            body.append(text(left - 14, middle + 4, name.replace("_", " "), "name", "end"))
            if row["low"] is not None:
                body.append(
                    f'<path class="whisker t1" d="M{x.at(row["low"]):g} {middle}'
                    f'H{x.at(row["high"]):g}"/>'
                )
            body.append(
                f'<circle class="mark t1" cx="{x.at(row["value"]):g}" cy="{middle}" r="5">'
                f"<title>{escape(name)}: {percent(row['value'])} %</title></circle>"
            )
        desc = "; ".join(f"{row['metric']} {percent(row['value'])} %" for row in rows)
        svg = wrap(
            f"ranking-{css}",
            width,
            height,
            "pass@1 after ranking",
            f"{desc}. A perfect choice would reach {percent(oracle)} %.",
            "".join(body),
        )
        parts.append(f'<div class="{css}">{svg}</div>')
    return "".join(parts)


def verdict_bars(doc: Document) -> str:
    """Verdicts of the samples, a stacked bar a language."""
    scopes = languages(doc)
    seen = [name for name in VERDICT_LABELS if any(s["verdicts"]["verdicts"][name] for s in scopes)]
    parts = []
    for css, width, left in (("wide", WIDE, 150), ("narrow", NARROW, 104)):
        height = 38 * len(scopes) + 4
        span = width - left - 4
        body = []
        for i, scope in enumerate(scopes):
            counts, samples = scope["verdicts"]["verdicts"], scope["verdicts"]["samples"]
            top = 38 * i + 4
            body.append(text(left - 14, top + 19, scope_label(doc, scope), "name", "end"))
            at = float(left)
            for name in seen:
                share = counts[name] / samples if samples else 0.0
                if not share:
                    continue
                size = share * span
                body.append(
                    f'<rect class="v-{name}" x="{at:.2f}" y="{top}" width="{max(size, 0.5):.2f}" '
                    f'height="28"><title>{escape(scope_label(doc, scope))}: '
                    f"{VERDICT_LABELS[name]} {counts[name]:,} of {samples:,} "
                    f"({percent(share)} %)</title></rect>"
                )
                if size > 40:
                    label = f"{percent(share, 0)}%"
                    body.append(text(at + size / 2, top + 19, label, f"inbar i-{name}", "middle"))
                at += size
        desc = "; ".join(
            f"{scope_label(doc, scope)}: "
            + ", ".join(f"{VERDICT_LABELS[n]} {scope['verdicts']['verdicts'][n]}" for n in seen)
            for scope in scopes
        )
        svg = wrap(f"verdicts-{css}", width, height, "Verdicts by language", desc, "".join(body))
        parts.append(f'<div class="{css}">{svg}</div>')
    return "".join(parts) + legend([(f"v-{name}", VERDICT_LABELS[name]) for name in seen])


def heat_strip(doc: Document) -> str:
    """One cell a problem, darker the more of its samples pass; a row of cells a language."""
    parts = []
    for css, width, left in (("wide", WIDE, 150), ("narrow", NARROW, 104)):
        body: list[str] = []
        top = 2
        for scope in languages(doc):
            rows = [
                item
                for item in doc["per_problem"]
                if (item["dataset"], item["language"]) == (scope["dataset"], scope["language"])
            ]
            cell = 18 if len(rows) <= 96 else 10 if len(rows) <= 400 else 6
            columns = max(1, (width - left) // cell)
            body.append(text(left - 14, top + 13, scope_label(doc, scope), "name", "end"))
            body += cells(rows, left, top, cell, columns)
            top += cell * -(-len(rows) // columns) + 10
        desc = "One cell a problem; the fill grows with the share of its samples that pass."
        svg = wrap(f"heat-{css}", width, top, "Problems solved", desc, "".join(body))
        parts.append(f'<div class="{css}">{svg}</div>')
    return "".join(parts)


def cells(rows: list[dict[str, Any]], left: int, top: int, size: int, columns: int) -> list[str]:
    """The cells of one language; with many of them, one path for each of eleven levels."""
    inner = size - (2 if size > 6 else 1)
    levels: dict[int, list[str]] = {}
    parts = []
    for i, item in enumerate(rows):
        x, y = left + size * (i % columns), top + size * (i // columns)
        share = item["c"] / item["n"] if item["n"] else 0.0
        level = 0 if not item["c"] else max(1, round(10 * share))
        if len(rows) <= 400:
            parts.append(
                f'<rect class="h{level}" x="{x}" y="{y}" width="{inner}" height="{inner}" rx="2">'
                f"<title>{escape(item['task_id'])}: {item['c']} of {item['n']}</title></rect>"
            )
        else:
            levels.setdefault(level, []).append(f"M{x} {y}h{inner}v{inner}h-{inner}z")
    parts += [f'<path class="h{level}" d="{"".join(d)}"/>' for level, d in sorted(levels.items())]
    return parts
