"""What each ranker is worth and what it cost, and how much a prompt's own examples give away."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports import purposes
from reports.data import ReportInput
from reports.figures import Document, whole
from reports.html import amount
from reports.ledger import Entry, counted, cpu_seconds, own, price_table, seconds_of
from reports.scopes import Scope
from reports.tally import Placer, Tally

COUNTS = ("examples", "inputs", "equal_tests")
SUMS = ("executions", "prompt_tokens", "generated_tokens", "flops", "m_cpu_seconds")


def public_examples(source: ReportInput, place: Placer, counts: Tally, scope: Scope) -> Any:
    """Of a scope: documented examples, those that can be run, those that are hidden tests too.

    None where nothing was counted (a run that was loaded before it was).
    """
    table = source.public_examples
    if not table.num_rows:
        return None
    first = table.append_column("sample_index", pa.array(np.zeros(table.num_rows, np.int64)))
    inside = np.zeros(counts.problems, bool)
    inside[scope.rows] = True
    rows, cells = place.cells(first)
    rows = rows[inside[cells // counts.verdict.shape[1]]]
    values = {name: table[name].to_numpy()[rows] for name in COUNTS}
    return {
        "problems": len(scope.rows),
        "documented": int((values["examples"] > 0).sum()),  # problems with an example
        "observable": int((values["inputs"] > 0).sum()),  # problems with an input
        **{name: int(found.sum()) for name, found in values.items()},
    }


def costs(source: ReportInput) -> list[dict[str, Any]]:
    """What each ranker used, over the parts of the run, by name."""
    table = source.ranking_costs
    if not table.num_rows:
        return []
    names = ("dataset", "language")
    parts = set(zip(*(source.problems[name].to_pylist() for name in names), strict=True))
    found: dict[str, dict[str, Any]] = {}
    for row in table.to_pylist():
        if (row["dataset"], row["language"]) in parts:
            one = found.setdefault(
                row["ranker"], {"ranker": row["ranker"], **dict.fromkeys(SUMS, 0)}
            )
            for name in SUMS:
                one[name] += row[name]
    return [
        {**{name.removeprefix("m_"): value for name, value in one.items()}}
        for _, one in sorted(found.items())
    ]


def ledger_entries(source: ReportInput) -> list[Entry]:
    """What rankers took, each thing once whoever used it; nothing where they took nothing.

    The bill of the samples is apart: what a ranker costs is no part of pass@k's.
    """
    lines = [purposes.of_calls(source, name) for name in purposes.asked(source.ranking_calls)]
    if source.ranking_executions.num_rows:
        lines.append(purposes.observation(source))
    entries = [*_asking(source), *_running(source.ranking_executions)]
    bill = sum(line.money for line in lines)
    if lines and not math.isnan(bill):
        prices = source.settings.prices
        entries.append(
            Entry("money, ranking", bill, prices.currency, "priced", price_table(prices))
        )
    return entries


def _asking(source: ReportInput) -> list[Entry]:
    calls = source.ranking_calls
    if not calls.num_rows:
        return []
    entries = []
    for purpose in sorted(calls["purpose"].unique().to_pylist()):
        asked = calls.filter(pc.equal(calls["purpose"], purpose))
        label = purpose.replace("_", " ")
        note = f"{asked.num_rows:,} calls, each billed with its whole prompt"
        for column, name in (("prompt", "prompt"), ("generated", "generated")):
            count = float(pc.sum(asked[f"{column}_tokens"]).as_py())
            entries.append(Entry(f"{name} tokens, {label}", count, "tokens", "counted", note))
    seconds = seconds_of(source.ranking_steps, None)
    entries.append(Entry("device seconds, ranking", seconds, "s", "measured", "prefill and decode"))
    return entries


def _running(executions: pa.Table) -> list[Entry]:
    if not executions.num_rows:
        return []
    seconds = cpu_seconds(own(executions))
    note = f"{counted(executions)}, shared by the rankers"
    return [Entry("sandbox CPU seconds, ranking", seconds, "s", "measured", note)]


def rows(doc: Document) -> list[tuple[str, dict[str, Any], dict[str, Any], str]]:
    """Of the whole run, by falling pass@1: ranker, its pass@1, its pass@top3, what it cost."""
    found = {row["metric"]: row for row in whole(doc)["ranking"]}
    names = {name.rsplit(" ", 1)[0] for name in found if " pass@" in name}
    spent = {one["ranker"]: price(one) for one in doc["ranking_costs"]}
    listed = [
        (name, found[f"{name} pass@1"], found[f"{name} pass@top3"], spent.get(name, ""))
        for name in sorted(names)
    ]
    return sorted(listed, key=lambda row: -(row[1]["value"] or 0.0))


def price(one: dict[str, Any]) -> str:
    """A ranker's cost on one line."""
    parts = []
    if one["executions"]:
        seconds = amount(one["cpu_seconds"], "s")
        parts.append(f"{one['executions']:,} executions, {seconds} CPU s")
    if one["prompt_tokens"] or one["generated_tokens"]:
        tokens = f"{one['prompt_tokens']:,} + {one['generated_tokens']:,} tokens"
        parts.append(f"{tokens}, {amount(one['flops'], 'FLOP')} FLOP")
    return "; ".join(parts) or "nothing"


def explained(doc: Document) -> str:
    """How many public examples are hidden tests, in words."""
    facts = whole(doc)["public_examples"]
    if facts is None:
        return ""
    shared = (
        f"{facts['equal_tests']:,} of the {facts['examples']:,} examples documented in the prompts "
        f"are hidden tests too: same arguments, same value."
        if facts["examples"]
        else "The prompts document no examples."
    )
    return (
        f"{shared} {facts['observable']:,} of {facts['problems']:,} problems have a public input "
        f"on which programs can be compared: a documented call, or the call of a function without "
        f"parameters. No ranker sees a hidden test."
    )
