"""A run's tables as dense arrays over problems and samples: [P, n], absent samples marked."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.records import EVIDENCE, VERDICTS, UserError
from reports.data import ReportInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PROBLEM_KEY = ("dataset", "language", "task_id")
_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True, slots=True)
class Tally:
    """P problems in the order of their table, n samples each. Codes are -1 where absent."""

    dataset: list[str]  # [P]
    language: list[str]  # [P]
    task_id: list[str]  # [P]
    number: list[str]  # [P] what a problem is called in every language of its dataset
    unit: Ints  # [P] equal for one problem in several languages: resampled together
    verdict: NDArray[np.int8]  # [P, n] index in VERDICTS
    first_verdict: NDArray[np.int8]  # [P, n] likewise
    evidence: NDArray[np.int8]  # [P, n] index in EVIDENCE: what the verdict rests on
    program: Ints  # [P, n] number of the distinct program, unique over the run
    length: Bools  # [P, n] ended by the token limit
    failed: Bools  # [P, n] could not be drawn: no candidate
    whole: Bools  # [P, n] the end of the function was found, or the model ended by itself
    unterminated: Bools  # [P, n] truncation looked for an end and found none
    prompt_tokens: Ints  # [P, n] of the whole prompt, from the calls; 0 where absent
    header_tokens: Ints  # [P, n]
    generated_tokens: Ints  # [P, n]
    discarded_tokens: Ints  # [P, n] sampled after the stop
    kept_tokens: Ints  # [P, n]
    prompt_flops: Floats  # [P, n]
    generated_flops: Floats  # [P, n]
    cpu_seconds: Floats  # [P, n] of the sandbox, all attempts at the sample's program; nan if none

    @property
    def problems(self) -> int:
        return len(self.task_id)

    @property
    def present(self) -> Bools:
        """[P, n] has a verdict."""
        return np.asarray(self.verdict >= 0)

    @property
    def judged(self) -> Bools:
        """[P, n] has a verdict that is the candidate's own: an infrastructure error is not, nor
        is any of a sample that could not be drawn."""
        broken = self.verdict == VERDICTS.index("infrastructure_error")
        return np.asarray(self.present & ~broken & ~self.failed)

    @property
    def passed(self) -> Bools:
        return np.asarray((self.verdict == VERDICTS.index("passed")) & ~self.failed)

    @property
    def n(self) -> Ints:
        """[P] judged samples."""
        return np.asarray(self.judged.sum(axis=1), np.int64)

    @property
    def c(self) -> Ints:
        """[P] samples that passed."""
        return np.asarray(self.passed.sum(axis=1), np.int64)


def tally(source: ReportInput) -> Tally:
    """Reads the tables; rows of other problems, or with sample_index >= n, are left aside.

    Raises UserError where there is no problem.
    """
    problems = source.problems
    if problems.num_rows == 0:
        raise UserError("report: the run has no problems; run the load stage first")
    place = Placer(problems, source.n)
    dataset, language, task_id = (problems[name].to_pylist() for name in PROBLEM_KEY)
    number = numbers(dataset, language, task_id)
    _, unit = np.unique(
        np.array([f"{d}\x1f{i}" for d, i in zip(dataset, number, strict=True)]), return_inverse=True
    )
    calls, programs = source.calls, source.programs
    tokens = {
        column: place.total(calls, column).astype(np.int64)
        for column in ("prompt_tokens", "header_tokens", "generated_tokens", "discarded_tokens")
    }
    finish = place.fill(source.candidates, codes(source.candidates["finish_reason"], FINISH), -1)
    cut = place.fill(programs, codes(programs["cut"], CUTS), -1)
    length, failed = (finish == FINISH.index(name) for name in ("length", "failed"))
    found = (cut == CUTS.index("stop")) | (cut == CUTS.index("function_end"))
    hashes = programs["program_hash"].combine_chunks().dictionary_encode().indices.to_numpy()
    program = place.fill(programs, hashes.astype(np.int64), -1)
    # One hash in two problems would be two programs: their tests differ.
    at = np.arange(problems.num_rows)[:, None]
    joint = np.where(program < 0, -1, program * problems.num_rows + at)
    _, joint_code = np.unique(joint, return_inverse=True)
    verdicts = source.verdicts
    return Tally(
        dataset=dataset,
        language=language,
        task_id=task_id,
        number=number,
        unit=unit.astype(np.int64),
        verdict=place.fill(verdicts, codes(verdicts["verdict"], VERDICTS), -1).astype(np.int8),
        first_verdict=place.fill(verdicts, codes(verdicts["first_verdict"], VERDICTS), -1).astype(
            np.int8
        ),
        evidence=place.fill(verdicts, codes(verdicts["evidence"], EVIDENCE), -1).astype(np.int8),
        program=np.where(program < 0, -1, joint_code.reshape(program.shape)),
        length=length,
        failed=failed,
        whole=found | ((finish >= 0) & ~length & ~failed),
        unterminated=cut == CUTS.index("unterminated"),
        **tokens,
        kept_tokens=place.fill(programs, programs["kept_tokens"].to_numpy().astype(np.int64), 0),
        prompt_flops=place.total(calls, "prompt_flops"),
        generated_flops=place.total(calls, "generated_flops"),
        cpu_seconds=cpu_seconds(place, verdicts, source.executions),
    )


FINISH = ("stop", "eos", "length", "failed")
CUTS = ("stop", "function_end", "none", "unterminated")


def codes(column: pa.ChunkedArray, values: tuple[str, ...]) -> Ints:
    """[rows] index of each entry in `values`; -1 for any other."""
    found = pc.index_in(column, value_set=pa.array(values))
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)


class Placer:
    """Finds the cell of [P, n] that a row of any table keyed by problem and sample belongs to."""

    def __init__(self, problems: pa.Table, n: int) -> None:
        self._shape = (problems.num_rows, n)
        self._keys = joined_key(problems).combine_chunks()
        if len(self._keys.unique()) != len(self._keys):
            raise UserError("report: a problem is in the problems table twice; load again")
        # By the table's identity: a table is asked for once a column, and its keys are strings.
        self._known: dict[int, tuple[pa.Table, tuple[Ints, Ints]]] = {}

    def cells(self, table: pa.Table) -> tuple[Ints, Ints]:
        """Rows of the table that are wanted, and the flat cell of each."""
        if id(table) not in self._known:
            self._known[id(table)] = table, self._found(table)  # kept, so that its id stays its own
        return self._known[id(table)][1]

    def _found(self, table: pa.Table) -> tuple[Ints, Ints]:
        if table.num_rows == 0:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found = pc.fill_null(pc.index_in(joined_key(table), value_set=self._keys), -1)
        problem = np.asarray(found.to_numpy(), np.int64)
        sample = table["sample_index"].to_numpy().astype(np.int64)
        rows = np.flatnonzero((problem >= 0) & (sample >= 0) & (sample < self._shape[1]))
        return rows, problem[rows] * self._shape[1] + sample[rows]

    def fill(self, table: pa.Table, values: Ints, absent: int) -> Ints:
        """[P, n] with each row's value in its cell."""
        out = np.full(self._shape[0] * self._shape[1], absent, np.int64)
        rows, where = self.cells(table)
        out[where] = values[rows]
        return out.reshape(self._shape)

    def total(self, table: pa.Table, column: str) -> Floats:
        """[P, n] sum of a column over the rows of a cell (a sample may have several calls)."""
        out = np.zeros(self._shape[0] * self._shape[1])
        rows, where = self.cells(table)
        np.add.at(out, where, table[column].to_numpy()[rows].astype(np.float64))
        return out.reshape(self._shape)


def cpu_seconds(place: Placer, verdicts: pa.Table, executions: pa.Table) -> Floats:
    """[P, n] CPU seconds of all executions of each sample's program; nan where none is recorded."""
    pair = ["program_hash", "test_hash"]
    spent = executions.group_by(pair).aggregate([("m_cpu_seconds", "sum")])
    names = [*PROBLEM_KEY, "sample_index"]
    joined = verdicts.select([*names, *pair]).join(spent, pair, join_type="inner")
    some = place.fill(joined, np.ones(joined.num_rows, np.int64), 0)
    return np.where(some > 0, place.total(joined, "m_cpu_seconds_sum"), np.nan)


def joined_key(table: pa.Table) -> pa.ChunkedArray:
    """[rows] the three columns that name a problem, as one string."""
    return pc.binary_join_element_wise(*(table[name] for name in PROBLEM_KEY), "\x1f")


def numbers(dataset: list[str], language: list[str], task_id: list[str]) -> list[str]:
    """What each problem is called in every language: MBJP/3, MBJSP/3 and MBPP/3 are all `3`.

    The last number of the id, where it is unique within its dataset and language; in a dataset
    where it is not, the whole id.
    """
    short = [match[1] if (match := _NUMBER.search(task)) else task for task in task_id]
    seen = Counter(zip(dataset, language, short, strict=True))
    ambiguous = {name for (name, _, _), times in seen.items() if times > 1}
    return [
        task if name in ambiguous else number
        for name, task, number in zip(dataset, task_id, short, strict=True)
    ]
