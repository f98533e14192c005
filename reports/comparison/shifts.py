"""How verdicts and costs moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.records import VERDICTS
from reports.comparison.pairs import Pair
from reports.data import ReportInput
from reports.ledger import Entry, ledger
from reports.scopes import Scope
from reports.tally import Tally, tally

Floats = NDArray[np.float64]


def verdicts(both: Pair, scope: Scope, same: NDArray[np.bool_]) -> dict[str, Any]:
    """Counts of the verdicts in both runs, and where the candidates of each verdict went.

    `matrix[v][w]`: share of candidates with verdict v in the first run and w in the second. Where
    every sample is the same program in both, sample by sample (`paired_by` candidate); else for a
    candidate of the first and one of the second drawn from the same problem, averaged over
    problems (`paired_by` problem): without any change it is not diagonal either.
    """
    first, second = (
        side.counts.verdict[scope.rows].astype(np.int64) for side in (both.first, both.second)
    )
    kinds = len(VERDICTS)
    counts = [np.bincount(v[v >= 0], minlength=kinds) for v in (first, second)]
    own = same[scope.rows]
    n = own.shape[1]
    present = (first[:, :n] >= 0) & (second[:, :n] >= 0)
    identical = bool(first.shape == second.shape and own.all() and present.any())
    if identical:
        joint = np.zeros((kinds, kinds))
        np.add.at(joint, (first[:, :n][present], second[:, :n][present]), 1.0)
        matrix = joint / joint.sum()
    else:
        a, b = shares(first), shares(second)
        matrix = a.T @ b / len(a)
    both_same = own & present
    return {
        "first": {name: int(c) for name, c in zip(VERDICTS, counts[0], strict=True)},
        "second": {name: int(c) for name, c in zip(VERDICTS, counts[1], strict=True)},
        "samples": [int(c.sum()) for c in counts],
        "paired_by": "candidate" if identical else "problem",
        "matrix": {
            v: {w: float(matrix[i, j]) for j, w in enumerate(VERDICTS)}
            for i, v in enumerate(VERDICTS)
        },
        "same_programs": int(both_same.sum()),
        "same_programs_judged_otherwise": int((both_same & (first[:, :n] != second[:, :n])).sum()),
    }


def shares(verdict: NDArray[np.int64]) -> Floats:
    """[P, verdicts] share of each verdict among a problem's candidates."""
    found = np.stack([(verdict == code).sum(axis=1) for code in range(len(VERDICTS))], axis=1)
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1))


@dataclass(frozen=True, slots=True)
class Account:
    """The ledger of a whole run, by name, and how many candidates it is for."""

    entries: dict[str, Entry]
    candidates: int


def account(source: ReportInput, common: Tally, all_common: bool) -> Account:
    """common: the counts of the common problems, which are the run's own where all are common."""
    counts = common if all_common else tally(source)
    found = ledger(
        counts,
        source.engine_steps,
        source.executions,
        source.wall_seconds,
        source.settings.prices,
        energy=source.device_energy,
    )
    return Account({entry.name: entry for entry in found}, int(counts.present.sum()))


def costs(first: Account, second: Account) -> list[dict[str, Any]]:
    """The lines of both ledgers, in all and for each candidate.

    `change`: of the amount a candidate, relative to the first run; nan where one is not known, or
    where the two are in different units.
    """
    answer = []
    for name in dict.fromkeys([*first.entries, *second.entries]):
        found = [side.entries.get(name) for side in (first, second)]
        units = list(dict.fromkeys(entry.unit for entry in found if entry))
        total = [entry.value if entry else math.nan for entry in found]
        each = [
            value / side.candidates if side.candidates else math.nan
            for value, side in zip(total, (first, second), strict=True)
        ]
        comparable = len(units) == 1 and each[0] > 0
        answer.append(
            {
                "name": name,
                "unit": " against ".join(units),
                "first": total[0],
                "second": total[1],
                "first_per_candidate": each[0],
                "second_per_candidate": each[1],
                "change": each[1] / each[0] - 1.0 if comparable else math.nan,
            }
        )
    return answer
