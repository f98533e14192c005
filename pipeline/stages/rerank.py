"""Rerank: candidates and programs to one score a candidate and ranker. No test is ever opened."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from pipeline import rankers

CANDIDATE_COLUMNS = ("dataset", "language", "task_id", "sample_index", "logprobs", "logprobs_raw")
PROGRAM_COLUMNS = (
    "dataset",
    "language",
    "task_id",
    "sample_index",
    "program_hash",
    "kept_tokens",
)


def rerank(
    names: tuple[str, ...],
    candidates: pa.Table,
    programs: pa.Table,
    logprobs: Literal["raw", "processed"],
) -> pa.Table:
    """The rankings of every named ranker, one row a ranker and candidate.

    candidates, programs: the wanted rows, with the columns named above.
    """
    return pa.concat_tables([rankers.rank(name, candidates, programs, logprobs) for name in names])
