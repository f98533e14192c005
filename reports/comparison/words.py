"""What the numbers say, in sentences."""

from __future__ import annotations

from typing import Any

from reports.html import percent, signed

Document = dict[str, Any]


def points(value: float | None) -> str:
    """A difference in percentage points."""
    if value is None:
        return signed(None)
    return ("+" if value > 0 else "") + signed(100.0 * value)


def span(row: dict[str, Any], prefix: str = "") -> str:
    """The interval of a difference; "" where there is none."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    return "" if low is None else f"{points(low)} to {points(high)}"


def p_value(value: float | None) -> str:
    if value is None:
        return signed(None)
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def outcome(row: dict[str, Any]) -> str:
    """The word for a row of the table."""
    same = row["outcome"] == "noise" and row["low"] == row["high"] == 0.0  # in every problem
    return "equal" if same else str(row["outcome"])


def sentence(row: dict[str, Any]) -> str:
    """One metric of one scope."""
    name = row["metric"].replace("_", " ")
    if row["outcome"] == "undefined":
        return f"{name} cannot be compared: {row['reason'] or 'undefined'}."
    word = outcome(row)
    if word == "equal":
        return f"{name} is {percent(row['first'])} % in both: no problem differs."
    moved = f"{name} goes from {percent(row['first'])} % to {percent(row['second'])} %"
    inside = f", {span(row)}" if span(row) else ""
    if word == "noise":
        return (
            f"{moved} ({points(row['difference'])} points{inside}): inside the noise "
            f"(p = {row['p']:.2g}, corrected {row['p_adjusted']:.2g})."
        )
    return (
        f"{moved} ({points(row['difference'])} points{inside}): {word}, "
        f"p {corrected(row)} after correction."
    )


def corrected(row: dict[str, Any]) -> str:
    shown = p_value(row["p_adjusted"])
    return shown if shown.startswith("<") else f"= {shown}"


def whole(item: dict[str, Any]) -> dict[str, Any]:
    """The scope of all common problems."""
    return next(dict(scope) for scope in item["scopes"] if scope["whole"])


def summary(item: dict[str, Any]) -> list[str]:
    """One run against the first, over all common problems, and the scopes that moved."""
    scope = whole(item)
    found = [sentence(row) for row in scope["metrics"]]
    moved = [
        f"{other['name']} ({row['metric'].replace('_', ' ')}) {row['outcome']}"
        for other in item["scopes"]
        if not other["whole"]
        for row in other["metrics"]
        if row["outcome"] in ("better", "worse")
    ]
    if len(item["scopes"]) > 1:
        told = (
            f"beyond the noise are {', '.join(moved)}" if moved else "nothing is beyond the noise"
        )
        found.append(f"By language and benchmark, {told}.")
    count = scope["won_and_lost"]
    found.append(
        f"{count['won']:,} problems are won and {count['lost']:,} lost, {count['equal']:,} equal; "
        f"{count['won_standing_out']:,} and {count['lost_standing_out']:,} of them stand out from "
        f"the draw of their own samples. {count['newly_solved']:,} are newly solved, "
        f"{count['no_longer_solved']:,} no longer."
    )
    same = scope["verdicts"]
    if same["same_programs"]:
        found.append(
            f"{same['same_programs']:,} samples are the same program in both runs; "
            f"{same['same_programs_judged_otherwise']:,} of those were judged otherwise."
        )
    return found


def explained(doc: Document) -> list[str]:
    """How to read the tables."""
    level = f"{doc['confidence']:.0%}"
    return [
        f"Differences are the second run's less the first's, in points, paired by problem. The "
        f"{level} interval is for problems drawn anew (paired bootstrap over problems, "
        f"{doc['bootstrap']:,} resamples). Sampling noise is for these very problems, both runs "
        "sampled again; n >= 2 k is needed, and samples that are not the same in both runs.",
        f"p comes from flipping the signs of problems' differences (up to {doc['sign_flips']:,} "
        f"patterns) and is corrected by Holm's method over the {doc['family']:,} comparisons here. "
        f"Noise: the corrected p is {1 - doc['confidence']:.2g} or more, so chance alone makes "
        "such a difference; it is no proof that there is none.",
        "A problem is won where the share of its samples that pass is higher in the second run. It "
        "stands out where Fisher's exact test of its samples says so, corrected over all problems.",
    ]
