"""Differences of pass@k and of pass@1 after ranking, with intervals and p-values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.comparison.pairs import Pair, columns
from reports.data import Settings
from reports.differences import holm, paired_bootstrap, sign_flip
from reports.intervals import stream
from reports.metrics import Column
from reports.sampling_noise import difference, noise
from reports.scopes import Scope


def rows(
    both: Pair, ks: list[int], found: list[Scope], same: NDArray[np.bool_], settings: Settings
) -> list[list[Any]]:
    """For each scope the rows of its metrics; `p_adjusted` and `outcome` come with `settle`.

    same: [P, n] which samples are one program in both runs; where all are, the runs were not
    sampled apart, and sampling noise is nothing that lies between them.
    """
    first, second = (columns(side, ks) for side in (both.first, both.second))
    names = [name for name in first if name in second]
    values = [np.stack([side[name].values for name in names], axis=1) for side in (first, second)]
    drawings = [noise(s.counts.n, s.counts.c, ks) for s in (both.first, both.second)]
    unit = both.first.counts.unit
    answer = []
    for scope in found:
        change = (values[1] - values[0])[scope.rows]
        # The same streams for every scope: equal sets of problems, equal answers.
        estimates = paired_bootstrap(
            change,
            unit[scope.rows],
            stream(settings.seed, "compare", "bootstrap"),
            settings.bootstrap,
            settings.confidence,
        )
        p = sign_flip(change, unit[scope.rows], stream(settings.seed, "compare", "sign flips"))
        apart = not same[scope.rows].all()
        drawn = (
            difference(drawings[0], drawings[1], scope.rows, settings.confidence) if apart else []
        )
        answer.append(
            [
                {
                    "metric": name,
                    "first": float(values[0][scope.rows, i].mean()),
                    "second": float(values[1][scope.rows, i].mean()),
                    "difference": estimates[i].value,
                    "low": estimates[i].low,
                    "high": estimates[i].high,
                    "sampling_low": drawn[i].low if i < len(drawn) else math.nan,
                    "sampling_high": drawn[i].high if i < len(drawn) else math.nan,
                    "p": float(p[i]),
                    "reason": why(first[name], second[name], scope, estimates[i].low),
                }
                for i, name in enumerate(names)
            ]
        )
    return answer


def why(first: Column, second: Column, scope: Scope, low: float) -> str:
    """Why there is no difference, or no interval of it; "" where there is one."""
    for which, column in (("first", first), ("second", second)):
        if np.isnan(column.values[scope.rows]).any():
            return f"in the {which} run {column.reason}"
    return "no interval: it needs two problems" if math.isnan(low) else ""


def settle(family: list[dict[str, Any]], confidence: float) -> None:
    """Corrects the p-values of all comparisons together and names each outcome.

    `noise`: the corrected p-value is not under 1 - confidence.
    """
    for row, adjusted in zip(family, holm([row["p"] for row in family]), strict=True):
        row["p_adjusted"] = adjusted
        if math.isnan(adjusted):
            row["outcome"] = "undefined"
        elif adjusted >= 1.0 - confidence:
            row["outcome"] = "noise"
        else:
            row["outcome"] = "better" if row["difference"] > 0 else "worse"
