"""What a full run of n samples a problem will cost on this machine, told from a pilot's ledger.

Tokens, FLOPs and the money for tokens are of each sample, so the pilot's means hold. Device seconds
are not: they come from the cost model fitted to the pilot's timed stretches, applied to a simulated
schedule of lengths that are drawn again from each problem's own samples. Sandbox seconds are given
as most: as if no program were drawn twice beyond the pilot's share. Joules are known at the pilot's
n alone, and nothing is made up for another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from reports import purposes
from reports.cost_model import CostModel
from reports.curves import device_seconds
from reports.data import ReportInput
from reports.intervals import stream
from reports.ledger import (
    Entry,
    Source,
    cpu_seconds,
    flop_costs,
    header_groups,
    price_table,
    sandbox_seconds,
    seconds_of,
    token_costs,
)
from reports.schedule import Prefixes, decode_work
from reports.tally import Tally

Ints = NDArray[np.int64]

REPEATS = "programs repeat no more than in the pilot"
COUNTED: Source = "counted"
ANALYTIC: Source = "analytic"
SIMULATED = 2_000_000  # samples of the largest schedule that is simulated


def costs(source: ReportInput, tally: Tally, n: int, problems: int) -> list[Entry]:
    """The lines of a full run; nan where a unit is not known, with the reason as its note."""
    rows = np.arange(tally.problems)
    tokens, flops = token_costs(tally), flop_costs(tally)
    entries = [
        Entry(f"{name}, {view}", positive(cost.at(rows, n, shared) * problems), unit, made, note)
        for name, cost, unit, made in (
            ("tokens", tokens, "tokens", COUNTED),
            ("FLOPs", flops, "FLOP", ANALYTIC),
        )
        for view, shared, note in (
            ("billed", False, "every sample pays for its whole prompt"),
            ("shared prefix", True, "every prompt and header once"),
        )
    ]
    device, told = device_time(source, tally, n, problems)
    cpu = sandbox_time(source, tally, n, problems)
    entries.append(Entry("device seconds", device, "s", "modelled", told))
    joules = "known at the pilot's n alone" if source.device_energy.num_rows else "no counter"
    entries.append(Entry("joules", math.nan, "J", "measured", joules))
    entries.append(
        Entry(
            "sandbox CPU seconds, at most",
            cpu,
            "s",
            "measured",
            REPEATS,
        )
    )
    entries += ranking(source, tally, n, problems)
    entries += wall(source, tally, device, cpu)
    count = max(int(tally.present.sum()), 1)
    prompt, generated = (
        float(values.sum()) / count * n * problems
        for values in (tally.prompt_tokens, tally.generated_tokens)
    )
    prices = source.settings.prices
    bill = purposes.price(prompt, generated, device, cpu, prices)
    note = f"sampling and judging, at most; {price_table(prices)}"
    if math.isnan(bill):
        priced = not math.isnan(purposes.price(1.0, 1.0, 1.0, 1.0, prices))
        note = "a priced unit is not known" if priced else "no price is configured"
    return [*entries, Entry("money", bill, prices.currency, "priced", note)]


def positive(value: float) -> float:
    return value if value > 0 else math.nan


def device_time(source: ReportInput, tally: Tally, n: int, problems: int) -> tuple[float, str]:
    """Device seconds, and where they come from or why they are not known."""
    if n == source.n and problems == tally.problems:
        measured = seconds_of(source.engine_steps, None)
        if not math.isnan(measured):
            return measured, "measured by the pilot, which has this size"
    known = device_seconds(source, tally, [source.n])
    model = known["model"]
    if known["reason"] or model is None:
        return math.nan, f"not predicted: {known['reason'] or 'there is no cost model'}"
    if n * problems > SIMULATED:
        return math.nan, f"not predicted: a schedule of more than {SIMULATED:,} samples"
    fitted = CostModel(
        tuple(model["coefficients"].values()),
        model["stretches"],
        model["held_out_mape"],
        model["held_out_r2"],
    )
    decode = fitted.seconds(
        decode_work(
            lengths(source, tally, n, problems),
            prefixes(tally, problems),
            source.max_rows,
            source.tile,
        )
    )
    prefill = seconds_of(source.engine_steps, "prefill") / tally.problems * problems
    error = f"held-out error {100 * fitted.mape:.1f} %"
    return prefill + decode, f"cost model of {fitted.stretches} timed stretches, {error}"


def lengths(source: ReportInput, tally: Tally, n: int, problems: int) -> Ints:
    """[problems, n] decode steps, each drawn again from the samples of its problem."""
    steps = np.maximum(tally.generated_tokens - 1, 0)
    rng = stream(source.settings.seed, "plan", "lengths")
    own = np.arange(problems) % tally.problems
    picks = rng.integers(0, steps.shape[1], size=(problems, n))
    return np.asarray(steps[own[:, None], picks])


def prefixes(tally: Tally, problems: int) -> Prefixes:
    header, group = header_groups(tally)
    own = tally.prompt_tokens.max(axis=1) - tally.header_tokens.max(axis=1)
    at = np.arange(problems) % tally.problems
    return Prefixes(own[at].tolist(), header.tolist(), group[at].tolist())


def sandbox_time(source: ReportInput, tally: Tally, n: int, problems: int) -> float:
    """CPU seconds if the share of distinct programs, which falls with n, stayed the pilot's."""
    if not source.executions.num_rows:
        return math.nan
    return cpu_seconds(source.executions) / max(int(tally.present.sum()), 1) * n * problems


def ranking(source: ReportInput, tally: Tally, n: int, problems: int) -> list[Entry]:
    """What rankers would take: generated tests by the problem, all else by the sample, at most."""
    by_problem = problems / tally.problems
    by_sample = by_problem * n / source.n
    found = []
    for purpose in purposes.asked(source.ranking_calls):
        line = purposes.of_calls(source, purpose)
        scale = by_problem if purpose == "test_generation" else by_sample
        count = scale * (line.prompt_tokens_billed + line.generated_tokens)
        name = f"tokens, {purpose.replace('_', ' ')}"
        found.append(Entry(name, count, "tokens", "counted", "billed, of rankers, at most"))
    if source.ranking_executions.num_rows:
        seconds = cpu_seconds(source.ranking_executions) * by_sample
        found.append(
            Entry("sandbox CPU seconds, ranking", seconds, "s", "measured", "of rankers, at most")
        )
    return found


def wall(source: ReportInput, tally: Tally, device: float, cpu: float) -> list[Entry]:
    """Wall time of the two long stages, as it was to device and to CPU seconds in the pilot."""
    spent, _ = sandbox_seconds(tally, source.executions)
    units: Mapping[str, tuple[float, float]] = {
        "sample": (device, seconds_of(source.engine_steps, None)),
        "execute": (cpu, spent),
    }
    return [
        Entry(
            f"wall time, {stage}",
            wanted / unit * source.wall_seconds[stage],
            "s",
            "modelled",
            "in proportion to device or CPU seconds, as in the pilot",
        )
        for stage, (wanted, unit) in units.items()
        if stage in source.wall_seconds and unit > 0 and not math.isnan(wanted)
    ]
