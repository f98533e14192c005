"""The extent of a run: which problems, and how many samples of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import Candidate, CandidateKey, Part, Problem, ProblemKey, Program

_SEPARATOR = "\x1f"  # in no key


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one invocation asks for. A store may hold more, of earlier and larger ones."""

    problems: Mapping[ProblemKey, Problem]
    n: int

    def __contains__(self, row: Candidate | CandidateKey | Program) -> bool:
        key = ProblemKey(row.dataset, row.language, row.task_id)
        return row.sample_index < self.n and key in self.problems

    @property
    def candidates(self) -> int:
        return len(self.problems) * self.n

    @property
    def parts(self) -> list[Part]:
        return sorted({key.part for key in self.problems})

    @property
    def languages(self) -> list[str]:
        return sorted({key.language for key in self.problems})

    def only(self, parts: Collection[Part]) -> Wanted:
        """What is wanted of some parts."""
        return Wanted({k: p for k, p in self.problems.items() if k.part in parts}, self.n)

    def rows(self, table: pa.Table) -> pa.Table:
        """The wanted rows of a table that has the columns of a problem's or a candidate's key."""
        keys = pc.binary_join_element_wise(
            table["dataset"], table["language"], table["task_id"], _SEPARATOR
        )
        wanted = pa.array([_SEPARATOR.join(key) for key in self.problems], pa.string())
        mask = pc.is_in(keys, value_set=wanted)
        if "sample_index" in table.column_names:
            mask = pc.and_(mask, pc.less(table["sample_index"], self.n))
        return table.filter(mask)
