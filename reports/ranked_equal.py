"""pass@1 and pass@top3 after each ranker when every problem has the same budget in tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import ranked
from reports.data import ReportInput
from reports.intervals import over_problems, stream
from reports.ledger import token_costs
from reports.metrics import TOP
from reports.ranked_curves import names, orders, why_not
from reports.ranked_rows import numbered, problem_key, problems, rankers
from reports.rankers import costs as ranking_costs
from reports.tally import Placer, Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BUDGETS = 16  # points of a curve


def equal_budgets(source: ReportInput, tally: Tally, place: Placer) -> list[dict[str, Any]]:
    """By random orders of each problem's samples, for both views of what a prompt costs.

    For rankers that ask the model for nothing; the budget is spent on samples alone.
    """
    asking = {
        one["ranker"]
        for one in ranking_costs(source)
        if one["prompt_tokens"] + one["generated_tokens"]
    }
    found: list[dict[str, Any]] = []
    for view in ("billed", "shared"):
        shared = view == "shared"
        spent = tally.generated_tokens + (0 if shared else tally.prompt_tokens)
        prefix = token_costs(tally).shared_prefix if shared else np.zeros(tally.problems)
        grid = common_grid(tally, spent, prefix)
        if not len(grid):
            continue
        for name in rankers(source):
            own = problems(source, tally, place, name)
            if (
                name in asking
                or name not in source.alone
                or why_not(source, tally, name, own, {}, [1])
            ):
                continue
            values = np.stack(
                [
                    ranked.at_budgets(
                        one,
                        numbered(tally, i),
                        spent[i][tally.judged[i]].astype(np.float64),
                        float(prefix[i]),
                        grid,
                        TOP,
                        orders(tally),
                        stream(source.settings.seed, "ranked", view, *problem_key(tally, i)),
                    )
                    for i, one in own.items()
                ],
                axis=1,
            )  # [tops, problems, budgets]
            for i, m in enumerate(TOP):
                at = over_problems(values[i], tally.unit, source.settings.confidence)
                found.append(
                    {
                        "ranker": name,
                        "metric": names(m),
                        "view": view,
                        "budget": grid.tolist(),
                        "value": [one.value for one in at],
                        "low": [one.low for one in at],
                        "high": [one.high for one in at],
                    }
                )
    return found


def common_grid(tally: Tally, spent: Ints, prefix: Floats) -> Floats:
    """Budgets that buy an average sample of every problem, and no more than all of any."""
    judged = tally.judged
    total = np.where(judged, spent, 0).sum(axis=1)
    least = prefix + total / np.maximum(judged.sum(axis=1), 1)
    low, high = float(least.max()), float((prefix + total).min())
    if not (judged.any(axis=1).all() and 0 < low < high):
        return np.empty(0)
    return np.geomspace(low, high, BUDGETS)
