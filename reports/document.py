"""Everything that a report shows, as one JSON document: the pages are drawn from it alone."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from pipeline.records import VERDICTS
from reports import ranked_curves, ranked_equal, rankers
from reports.curves import axes, budget_columns, device_seconds
from reports.data import ReportInput
from reports.examples import examples
from reports.intervals import Estimate
from reports.ledger import distinct_programs, ledger, price_table
from reports.metrics import (
    TOP,
    Column,
    estimates,
    k_grid,
    ranking_columns,
    row,
    sampling_columns,
    why_undefined,
)
from reports.purposes import by_purpose
from reports.sampling_noise import Noise, noise
from reports.scopes import Scope, scopes, whole
from reports.tally import Placer, Tally, tally
from reports.verdicts import ALARM, breakdown
from reports.weak import flagged, without_weak

SCHEMA = "forkeval.metrics/1"
OVER_PROBLEMS = (
    "Intervals are for problems drawn anew, with new samples: Wilson's score interval with the "
    "effective sample size that the spread over problems gives."
)
SAMPLING_NOISE = (
    "The same problems, sampled again: how far the number would move by the draw of the samples "
    "alone. It says nothing of other problems."
)
NAMED = 5  # problems in a line about many


def document(source: ReportInput, counts: Tally | None = None) -> dict[str, Any]:
    """The content of metrics.json, with nan where a number is undefined. counts: its tally."""
    counts = counts or tally(source)
    place = Placer(source.problems, source.n)
    settings = source.settings
    ks = k_grid(source.n, (*settings.k, *TOP))
    sampling = sampling_columns(counts, ks)
    ranked = ranking_columns(counts, source.rankings, place)
    wanted_ks = [k for k in sorted(set(settings.k)) if k <= source.n]
    wanted = [f"pass@{k}" for k in wanted_ks]
    resampled = noise(counts.n, counts.c, wanted_ks)
    everything = scopes(counts)
    total = whole(everything)
    device = device_seconds(source, counts, ks)
    total_cost = axes(source, counts, total, ks, device)
    reported = []
    for scope in everything:
        found = estimates([*sampling, *ranked], counts, scope, settings)
        reasons = why_undefined([*sampling, *ranked], scope, found)
        spent = total_cost if scope is total else axes(source, counts, scope, ks, device)
        reported.append(
            {
                "name": scope.name,
                "kind": scope.kind,
                "dataset": scope.dataset,
                "language": scope.language,
                "whole": scope is total,
                "problems": len(scope.rows),
                "metrics": [row(name, found[name], reasons.get(name, "")) for name in wanted],
                "sampling_noise": noise_rows(resampled, scope, settings.confidence),
                "ranking": [
                    row(column.name, found[column.name], reasons.get(column.name, ""))
                    for column in ranked
                ],
                "curve": {
                    "k": ks,
                    **series([found[column.name] for column in sampling]),
                    "cost": spent,
                },
                "public_examples": rankers.public_examples(source, place, counts, scope),
                "verdicts": breakdown(counts, scope.rows),
                "weak_tests": without_weak(source.weak_tests, counts, scope, sampling[0], settings),
            }
        )
    return {
        "schema": SCHEMA,
        "name": source.name,
        "n": source.n,
        "problems": counts.problems,
        "samples": int(counts.present.sum()),
        "confidence": settings.confidence,
        "intervals": {"over problems": OVER_PROBLEMS, "sampling noise": SAMPLING_NOISE},
        "seed": settings.seed,
        "top": list(TOP),
        "notes": [
            f"pass@{k} is left out: it is undefined for n = {source.n} < k = {k}."
            for k in sorted(set(settings.k))
            if k > source.n
        ],
        "alarms": alarms(counts, everything),
        "scopes": reported,
        "weak_tests": flagged(source.weak_tests, counts),
        "equal_budget": equal_budgets(source, counts, total),
        "ranked_curves": [
            {name: item for name, item in curve.items() if name != "per_problem"}
            for curve in ranked_curves.curves(source, counts, place, ks, total_cost)
        ],
        "ranked_equal_budget": ranked_equal.equal_budgets(source, counts, place),
        "device_seconds": device,
        "ledger": [
            dataclasses.asdict(entry)
            for entry in ledger(
                counts,
                source.engine_steps,
                source.executions,
                source.wall_seconds,
                settings.prices,
                rankers.ledger_entries(source),
                source.device_energy,
            )
        ],
        "purposes": [dataclasses.asdict(line) for line in by_purpose(source, counts)],
        "price_table": price_table(settings.prices),
        "ranking_costs": rankers.costs(source),
        "per_problem": per_problem(counts, ranked),
        "examples": examples(source, counts, place),
        "environment": dict(source.environment),
        "config": dict(source.config),
        "commands": list(source.commands),
    }


def noise_rows(resampled: Noise, scope: Scope, confidence: float) -> list[dict[str, Any]]:
    """pass@k of a scope with the interval for its problems sampled again."""
    found = resampled.intervals(scope.rows, confidence)
    return [
        row(f"pass@{k}", estimate, resampled.reason(i, scope.rows))
        for i, (k, estimate) in enumerate(zip(resampled.ks, found, strict=True))
    ]


def series(found: list[Estimate]) -> dict[str, list[float]]:
    return {
        "value": [estimate.value for estimate in found],
        "low": [estimate.low for estimate in found],
        "high": [estimate.high for estimate in found],
    }


def equal_budgets(source: ReportInput, counts: Tally, total: Scope) -> dict[str, Any]:
    """pass@budget of the whole run when every problem has the same budget in tokens."""
    answer = {}
    for view in ("billed", "shared"):
        grid, columns = budget_columns(counts, view == "shared", source.settings.seed)
        if not columns:
            continue
        found = estimates(columns, counts, total, source.settings)
        answer[view] = {
            "budget": grid.tolist(),
            **series([found[column.name] for column in columns]),
        }
    return answer


def per_problem(counts: Tally, ranked: list[Column]) -> list[dict[str, Any]]:
    """One row a problem, in the order of the problems table."""
    distinct = np.bincount(distinct_programs(counts)[0], minlength=counts.problems)
    present = np.maximum(counts.present.sum(axis=1), 1)
    generated = counts.generated_tokens.sum(axis=1) / present
    verdicts = [
        np.bincount(counts.verdict[i][counts.present[i]], minlength=len(VERDICTS))
        for i in range(counts.problems)
    ]
    first = {column.name: column.values for column in ranked if column.name != "oracle"}
    n, c = counts.n, counts.c
    changed = (counts.present & (counts.first_verdict != counts.verdict)).sum(axis=1)
    return [
        {
            "dataset": counts.dataset[i],
            "language": counts.language[i],
            "task_id": counts.task_id[i],
            "n": int(n[i]),
            "c": int(c[i]),
            "distinct_programs": int(distinct[i]),
            "changed_by_retry": int(changed[i]),
            "mean_generated_tokens": float(generated[i]),
            "verdicts": {
                name: int(count) for name, count in zip(VERDICTS, verdicts[i], strict=True) if count
            },
            "ranking": {name: float(values[i]) for name, values in first.items()},
        }
        for i in range(counts.problems)
    ]


def alarms(counts: Tally, everything: list[Scope]) -> list[str]:
    """What a reader must know before believing a number."""
    found = []
    missing = int((~counts.present).sum())
    if missing:
        lacking = int((~counts.present.all(axis=1)).sum())
        found.append(
            f"{missing:,} of {counts.present.size:,} samples have no verdict ({lacking} problems): "
            f"the run is not complete, and pass@k is left out where n < k."
        )
    failed = counts.failed.sum(axis=1)
    if failed.any():
        names = [f"{counts.language[i]}/{counts.task_id[i]}" for i in np.flatnonzero(failed)]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        found.append(
            f"{int(failed.sum()):,} samples could not be drawn: {', '.join(names[:NAMED])}{more} "
            f"(the sample stage printed why). They count in neither n nor c."
        )
    broken = int((counts.present & ~counts.judged & ~counts.failed).sum())
    if broken:
        found.append(
            f"{broken:,} samples ended in an infrastructure error. They are no candidate's fault "
            f"and count in neither n nor c; run the execute stage again."
        )
    for scope in everything:
        if scope.kind != "language":
            continue
        facts = breakdown(counts, scope.rows)
        if facts["truncation_rate"] > ALARM:
            found.append(
                f"{scope.name}: {facts['truncation_rate']:.1%} of the candidates hit the token "
                f"limit before their function ended (limit for trust {ALARM:.0%}); "
                f"raise sampling.max_new_tokens."
            )
        if facts["unterminated_rate"] > ALARM:
            found.append(
                f"{scope.name}: in {facts['unterminated_rate']:.1%} of the candidates no end of "
                f"the function was found (limit for trust {ALARM:.0%})."
            )
    return found


def jsonable(value: Any) -> Any:
    """The document with nan and infinities as null: JSON has neither."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)
