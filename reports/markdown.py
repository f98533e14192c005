"""The report as Markdown, for a terminal or a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reports import purpose_words, ranked_figures, rankers, weak
from reports.figures import Document, evidence, languages, scope_label, whole
from reports.html import DASH, amount, number, percent


def markdown(doc: Document) -> str:
    """The page's tables of a document whose undefined numbers are None."""
    level = f"{doc['confidence']:.0%}"
    lines = [
        f"# {text(doc['name'])}",
        "",
        f"{doc['samples']:,} candidates, {doc['problems']:,} problems, n = {doc['n']}. "
        f"Values in percent with {level} intervals.",
        "",
    ]
    lines += [f"> **Warning:** {text(alarm)}" for alarm in doc["alarms"]]
    lines += [text(note) for note in doc["notes"]]
    scopes = doc["scopes"]
    metrics = [row["metric"] for row in scopes[0]["metrics"]]
    lines += ["", "## pass@k", ""]
    lines += grid(
        ["", "problems", *metrics],
        [
            [scope_label(doc, s), f"{s['problems']:,}", *(shown(row) for row in s["metrics"])]
            for s in scopes
        ],
    )
    lines += ["", doc["intervals"]["over problems"], "", "## Sampling noise", ""]
    lines += grid(
        ["", *metrics],
        [[scope_label(doc, s), *(span(row) for row in s["sampling_noise"])] for s in scopes],
    )
    lines += ["", doc["intervals"]["sampling noise"]]
    lines += ranking(doc)
    lines += ["", "## Verdicts", ""]
    own = languages(doc)
    seen = [
        name
        for name in own[0]["verdicts"]["verdicts"]
        if any(s["verdicts"]["verdicts"][name] for s in own)
    ]
    lines += grid(
        ["", *(name.replace("_", " ") for name in seen), "truncated, %", "executions saved"],
        [
            [
                scope_label(doc, s),
                *(f"{s['verdicts']['verdicts'][name]:,}" for name in seen),
                percent(s["verdicts"]["truncation_rate"]),
                f"{s['verdicts']['saved']:,}",
            ]
            for s in own
        ],
    )
    lines += ["", text(evidence(doc))]
    lines += weak_tests(doc)
    lines += ["", "## Ledger", ""]
    lines += grid(
        ["", "amount", "unit", "source", "note"],
        [
            [e["name"], amount(e["value"], e["unit"]), e["unit"], e["source"], e["note"]]
            for e in doc["ledger"]
        ],
    )
    lines += ["", *grid(purpose_words.heads(doc), purpose_words.rows(doc))]
    lines += ["", purpose_words.EXPLAINED]
    device = doc["device_seconds"]
    if device["model"]:
        error = percent(device["model"]["held_out_mape"])
        fitted = number(device["model"]["held_out_r2"], 2)
        lines += ["", f"Device-time model: held-out error {error} %, R2 {fitted}."]
    if device["reason"]:
        lines += ["", f"Device time at other k is not predicted: {text(device['reason'])}."]
    if doc["commands"]:
        lines += ["", "## Run it again", "", *(f"    {line(c)}" for c in doc["commands"])]
    return "\n".join(lines) + "\n"


def ranking(doc: Document) -> list[str]:
    """The rankers over all problems, with what each cost; pass@1 by scope where there are more."""
    listed = rankers.rows(doc)
    oracle = next(row for row in whole(doc)["ranking"] if row["metric"] == "oracle")
    lines = ["", "## After ranking", ""]
    lines += grid(
        ["ranker", "pass@1", "pass@top3", "cost beside sampling"],
        [
            *(
                [name.replace("_", " "), shown(one), shown(top), cost]
                for name, one, top, cost in listed
            ),
            ["oracle", shown(oracle), shown(oracle), ""],
        ],
    )
    if len(doc["scopes"]) > 1:
        by_name = [{row["metric"]: row for row in s["ranking"]} for s in doc["scopes"]]
        lines += ["", "pass@1 after ranking:", ""]
        lines += grid(
            ["", *(scope_label(doc, s) for s in doc["scopes"])],
            [
                [name.replace("_", " "), *(shown(found[f"{name} pass@1"]) for found in by_name)]
                for name, _, _, _ in listed
            ]
            + [["oracle", *(shown(found["oracle"]) for found in by_name)]],
        )
    return [*lines, "", text(rankers.explained(doc)), *part_ranked(doc)]


def part_ranked(doc: Document) -> list[str]:
    if not doc["ranked_curves"]:
        return []
    head, rows = ranked_figures.table(doc)
    return ["", "Of k samples, ranked among themselves:", "", *grid(head, rows)]


def weak_tests(doc: Document) -> list[str]:
    """Which problems a constant program solves, and pass@1 without them."""
    lines = ["", "## Weak tests", "", weak.EXPLAINED, ""]
    lines += grid(
        ["", "problems", "flagged", "not tried", "pass@1", "pass@1 without them"],
        [
            [
                scope_label(doc, scope),
                f"{scope['problems']:,}",
                weak.tried(scope),
                f"{scope['weak_tests']['not_tried']:,}",
                shown(weak.pass_at_1(scope)),
                shown(scope["weak_tests"]["without"]),
            ]
            for scope in doc["scopes"]
        ],
    )
    items = doc["weak_tests"]
    if items:
        lines.append("")
    for item in items[: weak.LISTED]:
        names = ", ".join(item["passed_by"]).replace("_", " ")
        lines.append(text(f"- {item['dataset']} {item['language']} {item['task_id']}: {names}"))
    if len(items) > weak.LISTED:
        lines.append(f"- and {len(items) - weak.LISTED:,} more: metrics.json has all")
    return lines


def shown(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return DASH
    if row["low"] is None:
        return percent(row["value"])
    return f"{percent(row['value'])} ({percent(row['low'])} to {percent(row['high'])})"


def span(row: dict[str, Any]) -> str:
    """An interval alone."""
    return DASH if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}"


def line(content: object) -> str:
    """The content on one line."""
    return " ".join(str(content).splitlines())


def text(content: object) -> str:
    """One line, with what Markdown and HTML would take for markup escaped."""
    escaped = line(content)
    for mark in "\\`*_[]|#":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table; all columns but the first are right-aligned."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)]]
    return [
        f"| {' | '.join(row if i == 1 else [text(cell) for cell in row])} |"
        for i, row in enumerate([*lines, *rows])
    ]
