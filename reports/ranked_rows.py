"""What rankers said of each problem's distinct judged programs, read from a run's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports import joined
from reports.data import ReportInput
from reports.joined import Agreeing, Known
from reports.ranked import Ranked
from reports.tally import Placer, Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def rankers(source: ReportInput) -> list[str]:
    table = source.rankings
    return sorted(table["ranker"].unique().to_pylist()) if table.num_rows else []


def problem_key(tally: Tally, i: int) -> tuple[str, str, str]:
    return tally.dataset[i], tally.language[i], tally.task_id[i]


def numbered(tally: Tally, i: int) -> Ints:
    """[n] number of each judged sample's program, as in `problems`."""
    return np.unique(tally.program[i][tally.judged[i]], return_inverse=True)[1].astype(np.int64)


def problems(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Ranked]:
    """By problem its distinct judged programs with a ranker's scores; those that have them all."""
    rows = source.rankings.filter(pc.equal(source.rankings["ranker"], name))
    picked, cells = place.cells(rows)
    flat = np.full(tally.verdict.size, math.nan)
    flat[cells] = rows["score"].to_numpy()[picked]
    scores = flat.reshape(tally.verdict.shape)
    found = {}
    for i in range(tally.problems):
        judged = np.flatnonzero(tally.judged[i])
        if not len(judged):
            continue
        _, first, times = np.unique(tally.program[i, judged], return_index=True, return_counts=True)
        at = judged[first]
        if not np.isnan(scores[i, at]).any():
            found[i] = Ranked(times, tally.passed[i, at], scores[i, at])
    return found


def agreeing(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Agreeing]:
    """By problem what a ranker that counts agreeing samples knows of its judged programs.

    Empty where nothing was recorded: combinations, and runs ranked by an earlier version.
    """
    table = source.agreements
    if not table.num_rows:
        return {}
    rows = table.filter(pc.equal(table["ranker"], name))
    picked, cells = place.cells(rows)
    by_program = {
        int(program): int(row)
        for program, row in zip(tally.program.ravel()[cells], picked, strict=True)
    }
    cluster, weight, then = (rows[column].to_numpy() for column in ("cluster", "weight", "then"))
    found = {}
    for i in range(tally.problems):
        own = np.unique(tally.program[i][tally.judged[i]]).tolist()
        if own and all(program in by_program for program in own):
            chosen = [by_program[program] for program in own]
            found[i] = Agreeing(cluster[chosen], weight[chosen], then[chosen])
    return found


def parts_of(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Known]:
    """By problem what is known of a combination's rankers; empty where one was not ranked alone."""
    if name not in source.joined:
        return {}
    own: dict[str, Mapping[int, Floats | Agreeing]] = {}
    for leaf in set(joined.leaves(source.joined[name])):
        if leaf in source.alone:
            scored = problems(source, tally, place, leaf)
            own[leaf] = {i: one.score for i, one in scored.items()}
        else:
            own[leaf] = dict(agreeing(source, tally, place, leaf))
    shared = set.intersection(*(set(found) for found in own.values()))
    return {i: {leaf: found[i] for leaf, found in own.items()} for i in shared}
