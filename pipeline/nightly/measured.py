"""What a finished run leaves in the history."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pipeline.compare import Opened, opened
from pipeline.history import Counts, Measured
from pipeline.records import VERDICTS
from reports import rankers
from reports.intervals import over_problems
from reports.ledger import money, reused, sandbox_seconds, seconds_of
from reports.passk import pass_at_k
from reports.tally import Tally, tally

INFRASTRUCTURE = VERDICTS.index("infrastructure_error")


def measured(path: Path) -> Measured:
    """Reads a run directory; raises UserError as `forkeval compare` does where it is not whole."""
    run = opened(path)
    found = tally(run.source)
    return Measured(run.source.n, counts(found), figures(run, found), facts(run))


def counts(found: Tally, dataset: str | None = None, language: str | None = None) -> Counts:
    """By problem, sorted by task id, so that equal sets of problems have one name.

    dataset, language: only these problems, of a run that has more than a cell has.
    """
    order = [
        i
        for i in np.argsort(np.asarray(found.task_id), kind="stable")
        if dataset in (None, found.dataset[i]) and language in (None, found.language[i])
    ]
    return Counts(
        [found.task_id[i] for i in order],
        [int(x) for x in found.n[order]],
        [int(x) for x in found.c[order]],
    )


def figures(run: Opened, found: Tally) -> dict[str, tuple[float, float | None, float | None]]:
    """Figure to value, low, high; without those that nothing was recorded for."""
    source = run.source
    values: dict[str, tuple[float, float | None, float | None]] = {}
    for k in sorted(set(source.settings.k)):
        if k <= int(found.n.min()):
            column = pass_at_k(found.n, found.c, k)[:, None]
            at = over_problems(column, found.unit, source.settings.confidence)[0]
            known = not math.isnan(at.low)
            values[f"pass@{k}"] = (at.value, at.low if known else None, at.high if known else None)
    samples = int(found.present.sum())
    failed = int((found.verdict == INFRASTRUCTURE).sum())
    device = seconds_of(source.engine_steps, None)
    cpu, _ = sandbox_seconds(found, source.executions)
    plain = {
        "infrastructure_errors": failed / samples,
        "truncation": int((found.length & found.present).sum()) / samples,
        "tokens_per_second": int(found.generated_tokens.sum()) / device if device else math.nan,
        "executions": source.executions.num_rows + source.ranking_executions.num_rows,
        "reused": reused(source.executions) + reused(source.ranking_executions),
        "money": money(found, device, cpu, source.settings.prices).value + of_rankers(run),
    }
    values |= {name: (value, None, None) for name, value in plain.items()}
    return {name: own for name, own in values.items() if not math.isnan(own[0])}


def of_rankers(run: Opened) -> float:
    """The bill of what rankers asked and ran; 0 where they took nothing."""
    entries = rankers.ledger_entries(run.source)
    return sum(entry.value for entry in entries if entry.name == "money, ranking")


def facts(run: Opened) -> dict[str, dict[str, str]]:
    """Data, truncation and toolchain, by kind: those of all parts, of which a cell has one."""
    return {
        kind: {f"{part}: {name}": value for part, own in by.items() for name, value in own.items()}
        for kind, by in run.facts.by_part.items()
    }
