"""Rerank: candidates and programs to one score a candidate and ranker. No test is ever opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pyarrow as pa

from pipeline import rankers
from pipeline.records import Agreement, Part, RankingCost

CANDIDATE_COLUMNS = ("dataset", "language", "task_id", "sample_index", "logprobs", "logprobs_raw")
PROGRAM_COLUMNS = (
    "dataset",
    "language",
    "task_id",
    "sample_index",
    "program_hash",
    "kept_tokens",
    "completion",
)


def rerank(
    names: tuple[str, ...],
    part: Part,
    candidates: pa.Table,
    programs: pa.Table,
    logprobs: Literal["raw", "processed"],
    tools: rankers.Tools,
    ended: Callable[[], None],
) -> tuple[pa.Table, list[RankingCost | Agreement]]:
    """The rankings of a part by every named ranker, one row a ranker and candidate; their costs,
    and what those that count agreeing samples know of each program.

    candidates, programs: the wanted rows of the part, with the columns named above. tools: its
    problems, and the services that the rankers need. ended: called after each ranker.
    """
    tables: list[pa.Table] = []
    beside: list[RankingCost | Agreement] = []
    for name in names:
        table, bill = rankers.rank(name, candidates, programs, logprobs, tools)
        ended()
        tables.append(table)
        beside += rankers.agreements(name, candidates, programs, logprobs, tools)
        beside.append(
            RankingCost(
                *part,
                ranker=name,
                executions=len(bill.executions),
                prompt_tokens=sum(call.prompt_tokens for call in bill.calls.values()),
                generated_tokens=sum(call.generated_tokens for call in bill.calls.values()),
                flops=sum(c.prompt_flops + c.generated_flops for c in bill.calls.values()),
                m_cpu_seconds=bill.cpu_seconds,
            )
        )
    return pa.concat_tables(tables), beside
