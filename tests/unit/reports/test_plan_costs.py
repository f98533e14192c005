"""What a full run is told to cost, against runs that have that size."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
from synthetic_run import engine_steps, synthetic_run

from reports import Rates, ReportInput
from reports.ledger import sandbox_seconds, seconds_of
from reports.plan_costs import costs
from reports.tally import tally

PRICES = Rates(version="2026-11", per_device_hour=3.6, per_million_generated_tokens=1.0)


@pytest.fixture(scope="module")
def full() -> ReportInput:
    return synthetic_run(problems=24, n=80, prices=PRICES)


@pytest.fixture(scope="module")
def pilot(full: ReportInput) -> ReportInput:
    """The first 16 samples of the full run, timed by themselves."""
    counts = tally(full)
    steps = counts.generated_tokens[:, :16] - 1
    schedule = [(i, int(length)) for i, row in enumerate(steps) for length in row]
    prompts = [int(tokens) for tokens in counts.prompt_tokens[:, 0]]
    timed = engine_steps(schedule, prompts, 0, 64, 10, 0.05, np.random.default_rng(5))
    return dataclasses.replace(full, n=16, engine_steps=timed)


def told(pilot: ReportInput, n: int, problems: int) -> dict[str, float]:
    return {entry.name: entry.value for entry in costs(pilot, tally(pilot), n, problems)}


def test_tokens_and_device_seconds_are_those_of_the_full_run(
    pilot: ReportInput, full: ReportInput
) -> None:
    found = told(pilot, 80, 72)
    counts = tally(full)
    billed = float(counts.prompt_tokens.sum() + counts.generated_tokens.sum())
    assert found["tokens, billed"] == pytest.approx(billed, rel=0.1)
    assert found["tokens, shared prefix"] < found["tokens, billed"] / 3
    device = seconds_of(full.engine_steps, None)
    assert found["device seconds"] == pytest.approx(device, rel=0.1)
    # Five times the samples do not take five times the device: rows share a step.
    flat = 5 * seconds_of(pilot.engine_steps, None)
    assert abs(found["device seconds"] / device - 1) < abs(flat / device - 1)


def test_the_bill_is_the_sum_of_its_parts(pilot: ReportInput) -> None:
    found = told(pilot, 80, 72)
    generated = float(tally(pilot).generated_tokens.mean()) * 80 * 72
    assert found["money"] == pytest.approx(generated / 1e6 + found["device seconds"] / 1000)


def test_more_problems_cost_in_proportion_but_device_time(pilot: ReportInput) -> None:
    one, two = told(pilot, 32, 72), told(pilot, 32, 144)
    for name in ("tokens, billed", "FLOPs, shared prefix", "sandbox CPU seconds, at most"):
        assert two[name] == pytest.approx(2 * one[name])
    assert 1.8 * one["device seconds"] < two["device seconds"] < 2.05 * one["device seconds"]


def test_rankers_are_in_it(pilot: ReportInput) -> None:
    found = told(pilot, 32, 72)
    assert found["tokens, test generation"] == pytest.approx(74)  # whatever n is
    assert found["tokens, review"] == pytest.approx(200)  # of twice the samples
    assert found["sandbox CPU seconds, ranking"] == pytest.approx(1.5)


def test_what_the_pilot_reused_is_executed_by_a_full_run(pilot: ReportInput) -> None:
    """A run elsewhere has nothing to reuse, and the bill counts it whole."""

    def reused(table: pa.Table) -> pa.Table:
        marks = pa.array([True] * table.num_rows)
        return table.set_column(table.column_names.index("reused"), "reused", marks)

    taken = dataclasses.replace(
        pilot,
        executions=reused(pilot.executions),
        ranking_executions=reused(pilot.ranking_executions),
    )
    assert sandbox_seconds(tally(taken), taken.executions)[0] == 0.0
    before, after = told(pilot, 32, 72), told(taken, 32, 72)
    for name in ("sandbox CPU seconds, at most", "sandbox CPU seconds, ranking", "money"):
        assert after[name] == before[name] > 0


def test_what_is_not_known_is_not_made_up(pilot: ReportInput) -> None:
    recorded = dataclasses.replace(pilot, engine_steps=pilot.engine_steps.slice(0, 0))
    entries = {entry.name: entry for entry in costs(recorded, tally(recorded), 80, 72)}
    assert math.isnan(entries["device seconds"].value)
    assert "no engine ran" in entries["device seconds"].note
    assert math.isnan(entries["money"].value)
    assert entries["money"].note == "a priced unit is not known"
    assert math.isnan(entries["joules"].value)
    assert "wall time, sample" not in entries
