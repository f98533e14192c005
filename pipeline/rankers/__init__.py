"""Rankers: each scores the distinct programs of a problem from what was sampled, never the tests.

One file a ranker. A module of this package whose name has no leading underscore is a ranker of that
name; it defines ``score(samples: Samples) -> NDArray[float64]`` (one number a sample, higher is
better) and says its formula and source in its docstring. Nothing is registered anywhere else, apart
from the name's place in the configuration's `RankerName`.

Scores are given after deduplication: samples of one problem with the same program are one program,
and carry the largest score of theirs. (The same text can be drawn as different tokens, and with a
different token at the cut; the likeliest of these is the tightest bound from below on the program's
own probability, and unlike "the first" it does not depend on the order of the samples.)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Literal, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.rankers._samples import KEY, Samples, gather
from pipeline.records import UserError

__all__ = ["Samples", "names", "rank"]

Score = Callable[[Samples], NDArray[np.float64]]


def names() -> tuple[str, ...]:
    """The rankers there are, sorted: one for each module of this package."""
    return tuple(
        sorted(
            module.name
            for module in pkgutil.iter_modules(__path__)
            if not module.name.startswith("_")
        )
    )


def rank(
    name: str,
    candidates: pa.Table,
    programs: pa.Table,
    logprobs: Literal["raw", "processed"] = "raw",
) -> pa.Table:
    """Scores every candidate with one ranker.

    `candidates` and `programs` have the columns of the records `Candidate` and `Program` (others
    are not read) and the same keys, in any order. Returns the table of `Ranking` rows, sorted by
    key. A score is nan where it is undefined (completions recorded without log-probabilities) and
    -inf where nothing was kept to score (an empty completion): ranked last.

    Raises UserError for an unknown ranker, or a program without its candidate.
    """
    if name not in names():
        raise UserError(f"rerank.rankers: no ranker {name!r}; there are {', '.join(names())}")
    score = cast(Score, importlib.import_module(f"{__name__}.{name}").score)
    samples = gather(candidates, programs, logprobs)
    scores = np.asarray(score(samples), dtype=np.float64)
    if scores.shape != (samples.count,):
        raise ValueError(f"ranker {name}: {scores.shape} scores for {samples.count} samples")
    best = np.full(samples.programs, -np.inf)
    # maximum, not fmax: a program whose score is undefined in one sample is undefined.
    with np.errstate(invalid="ignore"):  # nan is meant
        np.maximum.at(best, samples.program, scores)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        column: samples.keys[column] for column in KEY
    }
    return pa.table(
        {
            "dataset": columns["dataset"],
            "language": columns["language"],
            "task_id": columns["task_id"],
            "ranker": pa.array([name] * samples.count, pa.string()),
            "sample_index": columns["sample_index"],
            "score": pa.array(best[samples.program], pa.float64()),
            "duplicate_of": pa.array(samples.first_index[samples.program], pa.int64()),
        }
    )
