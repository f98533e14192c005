"""The tables of a comparison as rows of text, which both pages show."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from reports.comparison.words import outcome, p_value, points, span
from reports.html import DASH, amount, anchor, number, percent, share, signed

Row = list[str]

METRICS = (  # what is read first comes first: narrow windows cut the right
    "",
    "metric",
    "outcome",
    "difference",
    "interval",
    "sampling noise",
    "corrected p",
    "first",
    "second",
    "problems",
)
WON = ("", "won", "lost", "equal", "won, stand out", "lost, stand out", "newly solved", "no longer")
COSTS = ("", "unit", "first", "second", "first, each", "second, each", "change")
CHANGES = ("", "", "key", "first", "second")


def metrics(item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Row]]:
    """Each difference and its row."""
    for scope in item["scopes"]:
        for row in scope["metrics"]:
            yield (
                row,
                [
                    scope["name"],
                    row["metric"].replace("_", " "),
                    outcome(row),
                    points(row["difference"]),
                    span(row) or DASH,
                    span(row, "sampling_") or DASH,
                    p_value(row["p_adjusted"]),
                    percent(row["first"]),
                    percent(row["second"]),
                    f"{scope['problems']:,}",
                ],
            )


def won(item: dict[str, Any]) -> list[Row]:
    kinds = (
        "won",
        "lost",
        "equal",
        "won_standing_out",
        "lost_standing_out",
        "newly_solved",
        "no_longer_solved",
    )
    return [
        [scope["name"], *(f"{scope['won_and_lost'][kind]:,}" for kind in kinds)]
        for scope in item["scopes"]
    ]


def verdicts(scope: dict[str, Any]) -> list[Row]:
    """Verdicts that occur: counts and shares in both runs, and the shift in points."""
    found = scope["verdicts"]
    rows = []
    for name in found["first"]:
        counts = found["first"][name], found["second"][name]
        if any(counts):
            parts = [share(c, n) for c, n in zip(counts, found["samples"], strict=True)]
            shift = parts[1] - parts[0] if None not in parts else None  # type: ignore[operator]  # neither is None
            rows.append(
                [
                    name.replace("_", " "),
                    *(f"{c:,} ({percent(p)} %)" for c, p in zip(counts, parts, strict=True)),
                    points(shift),
                ]
            )
    return rows


def matrix(scope: dict[str, Any]) -> tuple[list[str], list[Row]]:
    """Verdicts that occur, and percent of the candidates that went from row to column."""
    found = scope["verdicts"]
    seen = [name for name in found["first"] if found["first"][name] or found["second"][name]]
    labels = [name.replace("_", " ") for name in seen]
    rows = [
        [label, *(percent(found["matrix"][v][w]) for w in seen)]
        for v, label in zip(seen, labels, strict=True)
    ]
    return labels, rows


def paired_by(scope: dict[str, Any]) -> str:
    """What the matrix counts."""
    if scope["verdicts"]["paired_by"] == "candidate":
        return "every sample is the same program in both runs, so it is counted sample by sample"
    return (
        "the runs' samples are not the same programs, so a candidate of each is drawn from the "
        "same problem, and without any change the matrix is not diagonal either"
    )


def costs(item: dict[str, Any]) -> list[Row]:
    return [
        [
            row["name"],
            row["unit"],
            *(amount(row[name], row["unit"]) for name in ("first", "second")),
            *(
                number(row[name]) if row["unit"] == "tokens" else amount(row[name], row["unit"])
                for name in ("first_per_candidate", "second_per_candidate")
            ),
            DASH
            if row["change"] is None
            else f"{'+' if row['change'] > 0 else ''}{signed(100 * row['change'])} %",
        ]
        for row in item["costs"]
        if row["first"] is not None or row["second"] is not None
    ]


def passed(half: dict[str, int]) -> str:
    return f"{half['c']:,} of {half['n']:,}"


def address(page: str, problem: dict[str, Any]) -> str:
    """Where a run's report page shows a problem; "" without a page."""
    return f"{page}#{quote(anchor(problem), safe='/')}" if page else ""


def changes(found: list[dict[str, str]]) -> list[Row]:
    """What differs between the runs, with both values."""
    return [[c[name] for name in ("kind", "where", "what", "first", "second")] for c in found]
