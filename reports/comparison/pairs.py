"""Two runs on the problems that both have, in one order."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.records import UserError
from reports.comparison.data import Side
from reports.data import ReportInput
from reports.metrics import Column, ranking_columns, sampling_columns
from reports.scopes import Scope, scopes
from reports.tally import PROBLEM_KEY, Placer, Tally, joined_key, tally

Key = tuple[str, str, str]  # dataset, language, task id


@dataclass(frozen=True, slots=True)
class Half:
    """One run of a pair: row i of every array is the same problem in both."""

    source: ReportInput  # with the common problems alone
    counts: Tally
    place: Placer


@dataclass(frozen=True, slots=True)
class Pair:
    first: Half
    second: Half
    only_first: list[Key]  # problems that the second run lacks
    only_second: list[Key]

    @property
    def problems(self) -> int:
        return self.first.counts.problems


def pair(first: Side, second: Side) -> Pair:
    """Raises UserError where there is no common problem."""
    tables = [side.source.problems for side in (first, second)]
    own = [set(keys(table)) for table in tables]
    common = own[0] & own[1]
    if not common:
        names = " against ".join(
            ", ".join(sorted({f"{d}/{language}" for d, language, _ in found})) for found in own
        )
        raise UserError(f"{first.label} and {second.label} have no problem in common: {names}")
    return Pair(
        half(first.source, tables[1]),
        half(second.source, tables[0]),
        sorted(own[0] - common),
        sorted(own[1] - common),
    )


def keys(table: pa.Table) -> list[Key]:
    return list(zip(*(table[name].to_pylist() for name in PROBLEM_KEY), strict=True))


def half(source: ReportInput, other: pa.Table) -> Half:
    """The run with the problems that `other` has too, sorted by key."""
    shared = pc.is_in(joined_key(source.problems), value_set=joined_key(other).combine_chunks())
    problems = source.problems.filter(shared).sort_by([(name, "ascending") for name in PROBLEM_KEY])
    kept = dataclasses.replace(source, problems=problems)
    return Half(kept, tally(kept), Placer(problems, source.n))


def columns(side: Half, ks: list[int]) -> dict[str, Column]:
    """pass@k, then pass@1 after each ranker that chooses, by name."""
    ranked = ranking_columns(side.counts, side.source.rankings, side.place)
    chosen = [
        column
        for column in ranked
        if column.name.endswith(" pass@1") and not column.name.startswith("random ")
    ]
    return {column.name: column for column in (*sampling_columns(side.counts, ks), *chosen)}


def own_scopes(counts: Tally) -> list[Scope]:
    """As the reports have them, but each set of a dataset's problems once, and no empty one."""
    found: list[Scope] = []
    for scope in scopes(counts):
        twin = any(s.dataset == scope.dataset and np.array_equal(s.rows, scope.rows) for s in found)
        if len(scope.rows) and not twin:
            found.append(scope)
    return found


def same_programs(both: Pair) -> NDArray[np.bool_]:
    """[P, least n] whether a sample of a problem is the same program in both runs."""
    sides = (both.first, both.second)
    hashes = [side.source.programs["program_hash"] for side in sides]
    known = pa.chunked_array([*hashes[0].chunks, *hashes[1].chunks], pa.string()).unique()
    cells = []
    for side, column in zip(sides, hashes, strict=True):
        codes = pc.index_in(column, value_set=known).to_numpy().astype(np.int64)
        cells.append(side.place.fill(side.source.programs, codes, -1))
    n = min(cell.shape[1] for cell in cells)
    first, second = (cell[:, :n] for cell in cells)
    return np.asarray((first == second) & (first >= 0))
