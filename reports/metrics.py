"""The metrics of a run: for every scope a mean over its problems, with an interval or a reason."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports.data import Settings
from reports.intervals import Estimate, over_problems
from reports.ledger import distinct_programs
from reports.passk import pass_at_ks, pass_at_top
from reports.scopes import Scope
from reports.tally import Placer, Tally

Floats = NDArray[np.float64]

TOP = (1, 3)  # pass@1 and pass@top3 after ranking
CURVE_POINTS = 48


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of every problem: [P], nan where undefined, and why."""

    name: str
    values: Floats
    reason: str  # shown where a scope holds a nan


def k_grid(n: int, wanted: Sequence[int]) -> list[int]:
    """The k of the curve: all up to CURVE_POINTS, then evenly spaced in log k; those wanted too."""
    spaced = np.unique(np.round(np.geomspace(1, n, CURVE_POINTS)).astype(int)).tolist()
    every = list(range(1, n + 1)) if n <= CURVE_POINTS else spaced
    return sorted({*every, *(k for k in wanted if k <= n), n})


def sampling_columns(tally: Tally, ks: Sequence[int]) -> list[Column]:
    """Unbiased pass@k for ascending k; nan where a problem has fewer than k judged samples."""
    n, c = tally.n, tally.c
    columns = []
    values = np.full((tally.problems, len(ks)), math.nan)
    for count in np.unique(n):
        defined = [k for k in ks if k <= count]  # the first ones: ks ascend
        rows = np.flatnonzero(n == count)
        if defined:
            values[rows, : len(defined)] = pass_at_ks(n[rows], c[rows], defined)
    least = int(np.argmin(n))
    for i, k in enumerate(ks):
        reason = (
            f"undefined: {int((n < k).sum())} problems have fewer than k = {k} judged samples "
            f"({tally.language[least]} {tally.task_id[least]} has n = {int(n[least])})"
        )
        columns.append(Column(f"pass@{k}", values[:, i], reason))
    return columns


def ranking_columns(tally: Tally, rankings: pa.Table, place: Placer) -> list[Column]:
    """pass@1 and pass@top3 after each ranker, over the distinct programs of each problem."""
    owner, _, _ = distinct_programs(tally)
    programs = np.bincount(owner, minlength=tally.problems)
    columns = []
    names = rankings["ranker"].unique().to_pylist() if rankings.num_rows else []
    passed, judged = tally.passed.ravel(), tally.judged.ravel()
    for name in sorted(names):
        rows = rankings.filter(pc.equal(rankings["ranker"], name))
        rows = rows.filter(pc.equal(rows["sample_index"], rows["duplicate_of"]))
        picked, cell = place.cells(rows)
        problem = cell // tally.verdict.shape[1]
        complete = np.bincount(problem, minlength=tally.problems) == programs
        score = rows["score"].to_numpy()[picked]
        ranked = judged[cell]
        for m in TOP:
            values = pass_at_top(
                problem[ranked], score[ranked], passed[cell[ranked]], m, tally.problems
            )
            values[~complete] = math.nan
            columns.append(
                Column(
                    f"{name} {'pass@1' if m == 1 else f'pass@top{m}'}",
                    values,
                    "undefined: some programs have no score (recorded completions carry no "
                    "log-probabilities)",
                )
            )
    oracle = np.where(tally.n > 0, (tally.c > 0).astype(np.float64), math.nan)
    columns.append(Column("oracle", oracle, "undefined: a problem has no judged sample"))
    return columns


def estimates(
    columns: Sequence[Column], tally: Tally, scope: Scope, settings: Settings
) -> dict[str, Estimate]:
    """Every column's mean over a scope with its interval, by name."""
    values = np.stack([column.values[scope.rows] for column in columns], axis=1)
    found = over_problems(values, tally.unit[scope.rows], settings.confidence)
    return {column.name: estimate for column, estimate in zip(columns, found, strict=True)}


def row(name: str, estimate: Estimate, reason: str) -> dict[str, Any]:
    return {"metric": name, **dataclasses.asdict(estimate), "reason": reason}


def why_undefined(
    columns: list[Column], scope: Scope, found: dict[str, Estimate]
) -> dict[str, str]:
    """Why a value, or its interval, is missing."""
    if not len(scope.rows):
        return dict.fromkeys(found, "undefined: there is no such problem")
    reasons = {
        column.name: column.reason
        for column in columns
        if math.isnan(float(column.values[scope.rows].sum()))
    }
    for name, estimate in found.items():
        if name not in reasons and math.isnan(estimate.low):
            reasons[name] = "no interval: it needs two problems"
    return reasons
