"""Everything that a comparison shows, as one JSON document: its pages are drawn from it alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from reports.comparison import metrics, problems, shifts
from reports.comparison.budgets import budgets
from reports.comparison.data import Change, Compared, Side
from reports.comparison.pairs import Key, Pair, own_scopes, pair, same_programs
from reports.data import Settings
from reports.differences import FLIPS
from reports.document import jsonable
from reports.scopes import whole

SCHEMA = "forkeval.compare/1"
Document = dict[str, Any]


def compared(source: Compared) -> Document:
    """The content of compare.json; None stands for what is undefined.

    Raises UserError where a run has no problem in common with the first.
    """
    settings = source.baseline.source.settings
    pairs = [pair(source.baseline, other) for other in source.others]
    against = [
        one(source.baseline, other, both, settings, *changes)
        for other, both, *changes in zip(
            source.others,
            pairs,
            source.allowed or [()] * len(source.others),
            source.settings or [()] * len(source.others),
            strict=True,
        )
    ]
    family = [row for item in against for scope in item["scopes"] for row in scope["metrics"]]
    metrics.settle(family, settings.confidence)
    document: Document = jsonable(
        {
            "schema": SCHEMA,
            "runs": [described(side) for side in (source.baseline, *source.others)],
            "confidence": settings.confidence,
            "bootstrap": settings.bootstrap,
            "sign_flips": FLIPS,
            "seed": settings.seed,
            "family": sum(row["outcome"] != "undefined" for row in family),
            "against": against,
            "budgets": budgets((source.baseline, *source.others), pairs),
        }
    )
    return document


def described(side: Side) -> dict[str, Any]:
    source = side.source
    return {
        "label": side.label,
        "name": source.name,
        "n": source.n,
        "problems": source.problems.num_rows,
        "page": side.page,
    }


def one(
    baseline: Side,
    other: Side,
    both: Pair,
    settings: Settings,
    allowed: Sequence[Change],
    changed: Sequence[Change],
) -> dict[str, Any]:
    """One run against the first."""
    wanted = sorted({*settings.k, *other.source.settings.k})
    least = min(baseline.source.n, other.source.n)
    ks = [k for k in wanted if k <= least]
    found = own_scopes(both.first.counts)
    total = whole(found)
    by_problem = problems.listed(both, settings.confidence)
    same = same_programs(both)
    tables = metrics.rows(both, ks, found, same, settings) if ks else [[] for _ in found]
    return {
        "label": other.label,
        "problems": both.problems,
        "only_first": names(both.only_first),
        "only_second": names(both.only_second),
        "notes": notes(both, wanted, ks, least),
        "allowed": [dataclasses.asdict(change) for change in allowed],
        "settings": [dataclasses.asdict(change) for change in changed],
        "scopes": [
            {
                "name": scope.name,
                "kind": scope.kind,
                "dataset": scope.dataset,
                "language": scope.language,
                "whole": scope is total,
                "problems": len(scope.rows),
                "metrics": rows,
                "won_and_lost": problems.tally_of(by_problem, scope),
                "verdicts": shifts.verdicts(both, scope, same),
            }
            for scope, rows in zip(found, tables, strict=True)
        ],
        "per_problem": problems.by_size(by_problem),
        "costs": shifts.costs(
            shifts.account(baseline.source, both.first.counts, not both.only_first),
            shifts.account(other.source, both.second.counts, not both.only_second),
        ),
    }


def names(found: list[Key]) -> list[str]:
    return ["/".join(key) for key in found]


def notes(both: Pair, wanted: list[int], ks: list[int], least: int) -> list[str]:
    """What was left out, and why."""
    found = [
        f"pass@{k} is left out: one of the runs has n = {least} < k = {k}."
        for k in wanted
        if k not in ks
    ]
    for which, lacking in (("first", both.only_first), ("second", both.only_second)):
        if lacking:
            found.append(
                f"{len(lacking):,} problems that only the {which} run has are not used: "
                f"{shortened(names(lacking))}."
            )
    return found


def shortened(items: list[str], shown: int = 5) -> str:
    left = len(items) - shown
    return ", ".join(items[:shown]) + (f" and {left:,} more" if left > 0 else "")
