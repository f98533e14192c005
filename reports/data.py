"""What a report is made from: plain values and Arrow tables, so that it knows no configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


def empty() -> pa.Table:
    return pa.table({})


@dataclass(frozen=True, slots=True)
class Rates:
    """Money a unit; 0 leaves a unit out of the bill."""

    version: str = ""  # of the price table: what a bill was made by
    currency: str = "USD"
    per_million_prompt_tokens: float = 0.0
    per_million_generated_tokens: float = 0.0
    per_device_hour: float = 0.0
    per_sandbox_cpu_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to report. `k` may name values above `n`: they are listed as undefined, with a note."""

    k: tuple[int, ...] = (1, 10, 100)
    bootstrap: int = 2000  # resamples over problems, of a difference between runs
    confidence: float = 0.95
    seed: int = 0
    prices: Rates = Rates()


@dataclass(frozen=True, slots=True)
class WeakTests:
    """What constant programs were seen to do with the tests of a run's problems.

    passed_by: (dataset, language, task id) of each problem whose test they were run on, to the
    names of those that pass it. A problem that is not there has not been tried.
    """

    passed_by: Mapping[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Joined:
    """A combination: by the first part, then the next; with weights, by the sum of the shares of
    the other programs that each part puts below a program. A part is a ranker's name or another."""

    parts: tuple[str | Joined, ...]
    weights: tuple[float, ...] = ()  # none: lexicographic


@dataclass(frozen=True, slots=True)
class ReportInput:
    """The tables of a run, with the columns of the records they are named after, in any order.

    `engine_steps`, `rankings` and those with a default may be empty. `calls`, `candidates`,
    `programs`, `verdicts` have one row a sample; `executions` one row an execution of a distinct
    program, and `reused`, which says whether an earlier run executed and paid for it; so has
    `ranking_executions`.
    """

    name: str  # of the run
    n: int  # samples wanted of each problem
    problems: pa.Table
    calls: pa.Table
    candidates: pa.Table
    engine_steps: pa.Table
    programs: pa.Table
    executions: pa.Table
    verdicts: pa.Table
    rankings: pa.Table
    public_examples: pa.Table = field(default_factory=empty)
    ranking_costs: pa.Table = field(default_factory=empty)
    agreements: pa.Table = field(default_factory=empty)  # of rankers that count agreeing samples
    ranking_calls: pa.Table = field(default_factory=empty)  # of rankers that ask the model
    ranking_steps: pa.Table = field(default_factory=empty)  # the engine's work for them
    device_energy: pa.Table = field(default_factory=empty)  # while sampling
    ranking_energy: pa.Table = field(default_factory=empty)  # while rankers asked the model
    ranking_executions: pa.Table = field(default_factory=empty)  # of rankers, on public inputs
    alone: frozenset[str] = frozenset()  # rankers whose order holds among a part of the samples
    joined: Mapping[str, Joined] = field(default_factory=dict)  # combinations of which it does not
    settings: Settings = Settings()
    weak_tests: WeakTests = field(default_factory=WeakTests)
    max_rows: int = 64  # sequences decoded at once: the slots of the cost model's schedule
    tile: int | None = None  # most rows of one decode pass; None for as many as there are
    wall_seconds: Mapping[str, float] = field(default_factory=dict)  # by stage
    environment: Mapping[str, Any] = field(default_factory=dict)  # by stage; JSON values
    config: Mapping[str, Any] = field(default_factory=dict)  # resolved; JSON values
    commands: tuple[str, ...] = ()  # shell lines that make this run again
