"""What a run spent. Every entry says where its number came from.

Tokens are given billed (every call pays for its whole prompt, as an API charges) and shared-prefix
(each problem's own prompt once, each few-shot header once a dataset and language: what the prefix
tree computes). Source: "Reasoning in Token Economies" (arXiv 2406.06461) for the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.records import digest
from reports.data import Rates
from reports.tally import Tally

Floats = NDArray[np.float64]

Source = Literal["measured", "counted", "analytic", "priced", "modelled"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `value` is nan where nothing was recorded."""

    name: str
    value: float
    unit: str
    source: Source
    note: str


@dataclass(frozen=True, slots=True)
class Costs:
    """What sampling cost, by problem [P]; `own` is the mean of a sample, `prefix` is paid once.

    The cost of k samples is prefix + k * own, in both views (the billed prefix is 0).
    """

    billed_own: Floats
    shared_prefix: Floats
    shared_own: Floats

    def at(self, rows: NDArray[np.int64], k: int, shared: bool) -> float:
        """Mean cost of k samples a problem, over these problems."""
        if shared:
            return float(np.mean(self.shared_prefix[rows] + k * self.shared_own[rows]))
        return float(np.mean(k * self.billed_own[rows]))


def header_groups(tally: Tally) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[G] tokens of each few-shot header and [P] the header of each problem.

    The problems of one dataset and language share one.
    """
    owner = [f"{d}\x1f{x}" for d, x in zip(tally.dataset, tally.language, strict=True)]
    names, group = np.unique(np.array(owner), return_inverse=True)
    length = np.zeros(len(names), np.int64)
    np.maximum.at(length, group, tally.header_tokens.max(axis=1))
    return length, group


def headers(tally: Tally) -> Floats:
    """[P] header tokens for which a problem stands when each header is paid once."""
    length, group = header_groups(tally)
    return np.asarray(length[group] / np.bincount(group)[group])


def token_costs(tally: Tally) -> Costs:
    """Tokens, prompt and generated alike."""
    prompt = tally.prompt_tokens.max(axis=1).astype(np.float64)
    own_prompt = prompt - tally.header_tokens.max(axis=1)
    generated = sample_mean(tally, tally.generated_tokens)
    return Costs(
        sample_mean(tally, tally.prompt_tokens) + generated,
        own_prompt + headers(tally),
        generated,
    )


def flop_costs(tally: Tally) -> Costs:
    """Analytic FLOPs. A header's part of its prompt's FLOPs is taken by its share of the tokens."""
    prompt = tally.prompt_flops.max(axis=1)
    tokens = np.maximum(tally.prompt_tokens.max(axis=1), 1)
    own = prompt * (1.0 - tally.header_tokens.max(axis=1) / tokens)
    generated = sample_mean(tally, tally.generated_flops)
    return Costs(
        sample_mean(tally, tally.prompt_flops) + generated,
        own + prompt * headers(tally) / tokens,
        generated,
    )


def sample_mean(tally: Tally, values: NDArray[np.float64] | NDArray[np.int64]) -> Floats:
    """[P] mean over the samples that are there; nan for a problem without any."""
    count = tally.present.sum(axis=1)
    total = np.where(tally.present, values, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def distinct_programs(tally: Tally) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """The distinct programs of the run, by problem: [D] problem, [D] times drawn, [D] CPU seconds.

    CPU seconds are those of all attempts at the program; nan where none is recorded.
    """
    cells = np.flatnonzero((tally.program >= 0) & tally.present)
    _, first, times = np.unique(tally.program.ravel()[cells], return_index=True, return_counts=True)
    order = np.argsort(first)  # the numbering of programs depends on the order of the rows
    cell, times = cells[first[order]], times[order]
    return cell // tally.program.shape[1], times, tally.cpu_seconds.ravel()[cell]


def ledger(
    tally: Tally,
    engine_steps: pa.Table,
    executions: pa.Table,
    wall_seconds: Mapping[str, float],
    prices: Rates,
    ranking: Sequence[Entry] = (),
    energy: pa.Table | None = None,
) -> list[Entry]:
    """The lines of the ledger, of the whole run. ranking: those of what rankers ran."""
    entries = tokens(tally) + flops(tally)
    device = seconds_of(engine_steps, None)
    entries.append(
        Entry(
            "device seconds",
            device,
            "s",
            "measured",
            "prefill and decode, without the host's work"
            if engine_steps.num_rows
            else "no engine ran: the completions were recorded elsewhere",
        )
    )
    for kind in ("prefill", "decode"):
        if engine_steps.num_rows:
            seconds = seconds_of(engine_steps, kind)
            entries.append(Entry(f"device seconds, {kind}", seconds, "s", "measured", ""))
    drawn = joules(energy, engine_steps) if energy is not None else math.nan
    entries.append(
        Entry(
            "joules",
            drawn,
            "J",
            "measured",
            "no counter: never estimated"
            if math.isnan(drawn)
            else "of the whole device, by its own counter, while the engine worked",
        )
    )
    cpu, plain = sandbox_seconds(tally, executions)
    entries.append(
        Entry(
            "sandbox CPU seconds",
            cpu,
            "s",
            "measured",
            f"{counted(executions)}, retries included",
        )
    )
    entries.append(
        Entry(
            "sandbox CPU seconds without deduplication",
            plain,
            "s",
            "counted",
            "each program's measured seconds times how often it was drawn",
        )
    )
    entries += ranking
    for stage, seconds in wall_seconds.items():
        entries.append(Entry(f"wall time, {stage}", seconds, "s", "measured", ""))
    entries.append(money(tally, device, cpu, prices))
    return entries


def tokens(tally: Tally) -> list[Entry]:
    """Prompt and generated tokens; nan where nothing was counted."""
    billed = float(tally.prompt_tokens.sum())
    shared = float(np.nansum(token_costs(tally).shared_prefix))
    generated = float(tally.generated_tokens.sum())
    discarded = float(tally.discarded_tokens.sum())
    cut = generated - discarded - float(tally.kept_tokens.sum())
    some = generated > 0
    lines = (
        ("prompt tokens, billed", billed, billed > 0, "every sample pays for its whole prompt"),
        ("prompt tokens, shared prefix", shared, billed > 0, "every prompt and header once"),
        ("generated tokens", generated, some, "all that was sampled"),
        ("generated tokens, after the stop", discarded, some, "thrown away by the sampler"),
        ("generated tokens, truncated away", cut, some, "before the stop, after the function"),
    )
    return [
        Entry(name, value if known else math.nan, "tokens", "counted", note)
        for name, value, known, note in lines
    ]


def flops(tally: Tally) -> list[Entry]:
    """FLOPs from the architecture's formula, in the two views."""
    generated = float(tally.generated_flops.sum())
    billed = float(tally.prompt_flops.sum())
    shared = float(np.nansum(flop_costs(tally).shared_prefix))
    known = billed + generated > 0
    return [
        Entry(name, value if known else math.nan, "FLOP", "analytic", note)
        for name, value, note in (
            ("FLOPs, billed", billed + generated, "as if every sample prefilled its own prompt"),
            ("FLOPs, shared prefix", shared + generated, "every prompt and header prefilled once"),
        )
    ]


def seconds_of(engine_steps: pa.Table, kind: str | None) -> float:
    """Device seconds of one kind of work, or of all; nan where no step was recorded."""
    if not engine_steps.num_rows:
        return math.nan
    seconds = engine_steps["m_seconds"].to_numpy()
    if kind is None:
        return float(seconds.sum())
    chosen = np.array([name == kind for name in engine_steps["kind"].to_pylist()])
    return float(seconds[chosen].sum())


def joules(energy: pa.Table, steps: pa.Table) -> float:
    """Energy of the engine work; nan unless the counter was read in all of its sessions."""
    if not energy.num_rows or not steps.num_rows:
        return math.nan
    if set(steps["session"].to_pylist()) - set(energy["session"].to_pylist()):
        return math.nan
    return float(energy["m_joules"].to_numpy().sum())


def sandbox_seconds(tally: Tally, executions: pa.Table) -> tuple[float, float]:
    """CPU seconds spent, and what they would have been had every sample been run."""
    if not executions.num_rows:
        return math.nan, math.nan
    _, times, seconds = distinct_programs(tally)
    return cpu_seconds(own(executions)), float(np.nansum(times * seconds))


def cpu_seconds(executions: pa.Table) -> float:
    """CPU seconds of all these executions."""
    seconds = executions["m_cpu_seconds"].to_numpy()
    return math.fsum(seconds[~np.isnan(seconds)])


def own(executions: pa.Table) -> pa.Table:
    """Those that the run did itself: what it reused is in the bill of the run that did it."""
    return executions.filter(pc.invert(executions["reused"]))


def reused(executions: pa.Table) -> int:
    """How many of them an earlier run did."""
    return int(pc.sum(executions["reused"]).as_py() or 0)


def counted(executions: pa.Table) -> str:
    """How many the run did itself, and how many of all that it needed it did not."""
    needed, taken = executions.num_rows, reused(executions)
    note = f" ({taken:,} of {needed:,} reused from an earlier run)" if taken else ""
    return f"{needed - taken:,} executions{note}"


def money(tally: Tally, device: float, cpu: float, prices: Rates) -> Entry:
    """The bill, from the configured prices; nan without any, or where a priced unit is unknown."""
    parts = {
        "prompt tokens (billed)": float(tally.prompt_tokens.sum())
        * prices.per_million_prompt_tokens
        / 1e6,
        "generated tokens": float(tally.generated_tokens.sum())
        * prices.per_million_generated_tokens
        / 1e6,
        "device": device * prices.per_device_hour / 3600 if prices.per_device_hour else 0.0,
        "sandboxes": cpu * prices.per_sandbox_cpu_hour / 3600
        if prices.per_sandbox_cpu_hour
        else 0.0,
    }
    priced = [name for name, rate in zip(parts, rates(prices), strict=True) if rate]
    if not priced:
        return Entry("money", math.nan, prices.currency, "priced", "no price is configured")
    bill = sum(value for name, value in parts.items() if name in priced)
    note = f"{' + '.join(priced)}; {price_table(prices)}"
    return Entry("money", bill, prices.currency, "priced", note)


def price_table(prices: Rates) -> str:
    """The name of the prices: their version, or else a digest of them, so that no two are one."""
    return f"prices {prices.version or digest(prices.currency, repr(rates(prices)))[:8]}"


def rates(prices: Rates) -> tuple[float, float, float, float]:
    return (
        prices.per_million_prompt_tokens,
        prices.per_million_generated_tokens,
        prices.per_device_hour,
        prices.per_sandbox_cpu_hour,
    )
