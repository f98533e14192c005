"""What a ranker sees: the samples of a run, sorted by key, with sums over their kept tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.records import UserError

KEY = ("dataset", "language", "task_id", "sample_index")


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns over S samples, and the numbering of their distinct programs (within a problem)."""

    keys: pa.Table  # [S] dataset, language, task_id, sample_index; sorted
    kept: NDArray[np.int64]  # [S] generated tokens wholly or partly in the kept completion
    logprob_sum: NDArray[np.float64]  # [S] nats, over the kept tokens; nan without any recorded
    program: NDArray[np.int64]  # [S] number of the sample's program
    first_index: NDArray[np.int64]  # [programs] smallest sample_index of each program
    problem: NDArray[np.int64]  # [programs] number of each program's problem
    sources: pa.Table  # [programs] problem's key, program_hash; completion where it was given

    @property
    def count(self) -> int:
        return len(self.kept)

    @property
    def programs(self) -> int:
        return len(self.first_index)

    @property
    def drawn(self) -> NDArray[np.int64]:
        """[programs] how often each was drawn."""
        return np.bincount(self.program, minlength=self.programs)

    def best(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """[programs] the largest score of each program's samples; nan where one is undefined."""
        best = np.full(self.programs, -np.inf)
        # maximum, not fmax: a program whose score is undefined in one sample is undefined.
        with np.errstate(invalid="ignore"):  # nan is meant
            np.maximum.at(best, self.program, scores)
        return best


def gather(
    candidates: pa.Table, programs: pa.Table, logprobs: Literal["raw", "processed"]
) -> Samples:
    """Joins the two tables; raises UserError where a program's candidate is missing."""
    column = {"raw": "logprobs_raw", "processed": "logprobs"}[logprobs]
    rows = candidates.select(KEY).append_column("row", pa.array(np.arange(candidates.num_rows)))
    texts = [name for name in ("completion",) if name in programs.column_names]
    joined = (
        programs.select([*KEY, "program_hash", "kept_tokens", *texts])
        .join(rows, list(KEY), join_type="left outer")
        .sort_by([(name, "ascending") for name in KEY])
        .combine_chunks()
    )
    missing = np.flatnonzero(joined["row"].is_null().to_numpy())
    if missing.size:
        key = "/".join(str(joined[name][int(missing[0])]) for name in KEY)
        raise UserError(f"candidates: {missing.size} missing that programs has, first {key}")
    kept = joined["kept_tokens"].to_numpy().astype(np.int64)
    row = joined["row"].to_numpy()
    kept_of_row = np.zeros(candidates.num_rows, np.int64)
    kept_of_row[row] = kept
    sums = kept_sums(candidates[column], kept_of_row)[row]
    program, first = number_programs(joined)
    sources = joined.select([*KEY[:3], "program_hash", *texts]).take(first)
    first_index = joined["sample_index"].to_numpy().astype(np.int64)[first]
    problem = number(sources, KEY[:3])
    return Samples(joined.select(KEY), kept, sums, program, first_index, problem, sources)


def kept_sums(values: pa.ChunkedArray, kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum of the first `kept[i]` entries of list i; 0 for none kept, nan for an empty list.

    Goes chunk by chunk, so that the log-probabilities of a large run are never copied whole. Each
    list is summed by itself, so the result does not depend on its neighbours.
    """
    out = np.full(len(kept), np.nan)
    start = 0
    for chunk in values.chunks:
        stop = start + len(chunk)
        offsets = chunk.offsets.to_numpy().astype(np.int64)
        flat = np.asarray(chunk.values.to_numpy(zero_copy_only=False), dtype=np.float64)
        length = np.diff(offsets)
        wanted = kept[start:stop]
        if (wanted > length).any():
            short = int(np.flatnonzero(wanted > length)[0])
            if length[short] != 0:
                raise ValueError(
                    f"row {start + short}: {wanted[short]} tokens kept of {length[short]}"
                )
        sums = np.where(length == 0, np.nan, 0.0)
        some = np.flatnonzero((wanted > 0) & (length > 0))
        # reduceat takes [begin, end) pairs; every second result is a gap between two lists.
        bounds = np.stack([offsets[:-1][some], offsets[:-1][some] + wanted[some]], axis=1).ravel()
        if some.size:
            sums[some] = np.add.reduceat(np.append(flat, 0.0), bounds)[::2]
        out[start:stop] = sums
        start = stop
    return out


def number_programs(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers the distinct (problem, program_hash) pairs, and finds each one's first row.

    table: sorted by key, so that the first row has the smallest sample_index.
    """
    code = number(table, (*KEY[:3], "program_hash"))
    first = np.full(int(code.max()) + 1 if code.size else 0, np.iinfo(np.int64).max)
    np.minimum.at(first, code, np.arange(len(code)))
    return code, first


def number(table: pa.Table, names: tuple[str, ...]) -> NDArray[np.int64]:
    """[rows] numbers the distinct rows of these columns."""
    code = np.zeros(table.num_rows, np.int64)
    for name in names:
        dictionary = table[name].combine_chunks().dictionary_encode()
        pair = code * (len(dictionary.dictionary) + 1) + dictionary.indices.to_numpy()
        code = np.unique(pair, return_inverse=True)[1].astype(np.int64)  # small again
    return code
