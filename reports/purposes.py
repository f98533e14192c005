"""The ledger by purpose: what every call cost and for what it was made.

Purposes are those of the calls (candidate, test generation, review), the execution of candidates
against their tests, which is in `candidate`, and `observation`: programs that rankers ran. What was
not recorded is nan, which is not 0: 0 is what a purpose is known not to use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reports.data import Rates, ReportInput
from reports.ledger import (
    cpu_seconds,
    flop_costs,
    joules,
    own,
    rates,
    sandbox_seconds,
    seconds_of,
    token_costs,
)
from reports.tally import Tally

SHARED_NOTHING = "review"  # each text begins with another program
PART = ("dataset", "language")


@dataclass(frozen=True, slots=True)
class Purpose:
    """One line: amounts of the whole run."""

    purpose: str
    calls: float
    prompt_tokens_billed: float
    prompt_tokens_shared: float
    generated_tokens: float
    discarded_tokens: float  # of the generated ones, thrown away after the stop
    flops_billed: float
    flops_shared: float
    device_seconds: float
    joules: float
    sandbox_cpu_seconds: float
    money: float


def by_purpose(source: ReportInput, tally: Tally) -> list[Purpose]:
    """A line a purpose that occurs; then their sum, where there are several.

    Joules are there only where the counter covers every session of the purpose's engine work.
    """
    found = [candidates(source, tally)]
    for purpose in asked(source.ranking_calls):
        found.append(of_calls(source, purpose))
    if source.ranking_executions.num_rows:
        found.append(observation(source))
    return [*found, total(found)] if len(found) > 1 else found


def asked(calls: pa.Table) -> list[str]:
    return sorted(calls["purpose"].unique().to_pylist()) if calls.num_rows else []


def candidates(source: ReportInput, tally: Tally) -> Purpose:
    """The samples and their judging."""
    tokens, flops = token_costs(tally), flop_costs(tally)
    billed, generated = float(tally.prompt_tokens.sum()), float(tally.generated_tokens.sum())
    prompt, rest = float(tally.prompt_flops.sum()), float(tally.generated_flops.sum())
    counted, some = billed > 0, generated > 0
    cpu, _ = sandbox_seconds(tally, source.executions)
    seconds = seconds_of(source.engine_steps, None)
    return line(
        "candidate",
        float(tally.present.sum()),
        (billed, float(np.nansum(tokens.shared_prefix))) if counted else (math.nan, math.nan),
        (generated, float(tally.discarded_tokens.sum())) if some else (math.nan, math.nan),
        (prompt + rest, float(np.nansum(flops.shared_prefix)) + rest)
        if prompt + rest > 0
        else (math.nan, math.nan),
        seconds,
        joules(source.device_energy, source.engine_steps),
        cpu,
        source.settings.prices,
    )


def of_calls(source: ReportInput, purpose: str) -> Purpose:
    """What rankers asked the model for one purpose."""
    calls = source.ranking_calls.filter(pc.equal(source.ranking_calls["purpose"], purpose))
    steps, energy = (
        table.filter(pc.equal(table["purpose"], purpose)) if table.num_rows else table
        for table in (source.ranking_steps, source.ranking_energy)
    )
    sums = {
        name: float(pc.sum(calls[name]).as_py() or 0)
        for name in (
            "prompt_tokens",
            "generated_tokens",
            "discarded_tokens",
            "prompt_flops",
            "generated_flops",
        )
    }
    share = prompts_once(calls) if purpose != SHARED_NOTHING else 1.0
    prompt, rest = sums["prompt_flops"], sums["generated_flops"]
    return line(
        purpose,
        float(calls.num_rows),
        (sums["prompt_tokens"], share * sums["prompt_tokens"]),
        (sums["generated_tokens"], sums["discarded_tokens"]),
        (prompt + rest, share * prompt + rest),
        seconds_of(steps, None),
        joules(energy, steps),
        0.0,
        source.settings.prices,
    )


def observation(source: ReportInput) -> Purpose:
    """Programs that rankers ran, each once whoever asked."""
    none = (0.0, 0.0)
    return line(
        "observation",
        0.0,
        none,
        none,
        none,
        0.0,
        0.0,
        cpu_seconds(own(source.ranking_executions)),
        source.settings.prices,
    )


def prompts_once(calls: pa.Table) -> float:
    """Share of the calls' prompt tokens that is left when every prompt and header is paid once."""
    own: dict[tuple[str, ...], int] = {}
    header: dict[tuple[str, ...], int] = {}
    names = (*PART, "task_id", "prompt_tokens", "header_tokens")
    billed = 0
    for *key, prompt, head in zip(*(calls[name].to_pylist() for name in names), strict=True):
        problem, part = tuple(key), tuple(key[:2])
        own[problem] = max(own.get(problem, 0), prompt - head)
        header[part] = max(header.get(part, 0), head)
        billed += prompt
    return (sum(own.values()) + sum(header.values())) / billed if billed else 1.0


def line(
    purpose: str,
    calls: float,
    prompt: tuple[float, float],
    generated: tuple[float, float],
    flops: tuple[float, float],
    device: float,
    energy: float,
    cpu: float,
    prices: Rates,
) -> Purpose:
    """prompt, flops: billed and shared; generated: in all, and of it discarded."""
    bill = price(prompt[0], generated[0], device, cpu, prices)
    return Purpose(purpose, calls, *prompt, *generated, *flops, device, energy, cpu, bill)


def price(prompt: float, generated: float, device: float, cpu: float, prices: Rates) -> float:
    """The bill; nan without any price, or where a priced unit is not known."""
    units = (prompt / 1e6, generated / 1e6, device / 3600, cpu / 3600)
    parts = [unit * rate for unit, rate in zip(units, rates(prices), strict=True) if rate]
    return sum(parts) if parts else math.nan


def total(found: list[Purpose]) -> Purpose:
    """Sums; an amount that one purpose lacks is nan in all: a part of a sum is no sum."""
    names = [field.name for field in fields(Purpose)][1:]
    return Purpose("all", *(sum(getattr(one, name) for one in found) for name in names))
