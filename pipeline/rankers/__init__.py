"""Rankers: each scores the distinct programs of a problem from what was sampled, never the tests.

One file a ranker. A module of this package whose name has no leading underscore is a ranker of that
name; it defines ``score(samples: Samples) -> NDArray[float64]`` (one number a sample, higher is
better) and says its formula and source in its docstring. One that runs programs or samples
says so, with ``NEEDS``, of "executor", "completer" and "scorer", and defines ``score(samples,
tools: Tools)``. Nothing is registered
anywhere else, apart from the name's place in `pipeline.ranker_terms.RANKERS`.

Scores are given after deduplication: samples of one problem with the same program are one program,
and carry the largest score of theirs. (The same text can be drawn as different tokens, and with a
different token at the cut; the likeliest of these is the tightest bound from below on the program's
own probability, and unlike "the first" it does not depend on the order of the samples.)
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import ranker_terms
from pipeline.public_inputs import generated, outputs
from pipeline.ranker_terms import Lexicographic, Ranker, Term, Weighted
from pipeline.rankers import _order, _review
from pipeline.rankers._agreement import Agreed
from pipeline.rankers._samples import KEY, Samples, gather
from pipeline.rankers._tools import Bill, Tools
from pipeline.records import Agreement, UserError

__all__ = ["VERSION", "Bill", "Samples", "Tools", "agreements", "check", "names", "needs", "rank"]

# Of the texts that programs are observed by and that the model is asked with.
VERSION = f"{outputs.VERSION}.{generated.VERSION}.{_review.VERSION}"


def names() -> tuple[str, ...]:
    """The rankers there are, sorted: one for each module of this package."""
    return tuple(
        sorted(
            module.name
            for module in pkgutil.iter_modules(__path__)
            if not module.name.startswith("_")
        )
    )


def needs(wanted: Iterable[str], generated_inputs: bool = False) -> set[str]:
    """The services that any of these rankers or combinations asks for."""
    found = {
        service
        for name in wanted
        for ranker in ranker_terms.rankers(_parsed(name))
        for service in getattr(_module(ranker), "NEEDS", ())
    }
    return found | {"completer"} if generated_inputs and "executor" in found else found


def check(wanted: Iterable[str], languages: Iterable[str]) -> None:
    """Raises UserError where these rankers cannot do with programs in these languages."""
    if "executor" in needs(wanted):
        outputs.check_languages(sorted(languages))


def rank(
    name: str,
    candidates: pa.Table,
    programs: pa.Table,
    logprobs: Literal["raw", "processed"] = "raw",
    tools: Tools | None = None,
) -> tuple[pa.Table, Bill]:
    """Scores every candidate with one ranker or combination, and says what that used.

    `candidates` and `programs` have the columns of the records `Candidate` and `Program` (others
    are not read) and the same keys, in any order. `tools` is for rankers that need a service.
    Returns the table of `Ranking` rows, sorted by key. A score is nan where it is undefined
    (completions recorded without log-probabilities) and -inf where nothing was kept to score (an
    empty completion): ranked last.

    Raises UserError for an unknown ranker, or a program without its candidate.
    """
    term = _parsed(name)
    samples = gather(candidates, programs, logprobs)
    bill = Bill()
    best = _scores(term, samples, tools.billed(bill) if tools else None)
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        column: samples.keys[column] for column in KEY
    }
    table = pa.table(
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
    return table, bill


def agreements(
    name: str,
    candidates: pa.Table,
    programs: pa.Table,
    logprobs: Literal["raw", "processed"],
    tools: Tools,
) -> list[Agreement]:
    """What a ranker that counts agreeing samples knows of each program; empty for any other.

    Arguments as of `rank`. It asks the services again for what ranking asked them, so these are to
    remember; nothing is billed.
    """
    term = _parsed(name)
    if not isinstance(term, Ranker) or not hasattr(_module(term.name), "agreed"):
        return []
    samples = gather(candidates, programs, logprobs)
    found: Agreed = _module(term.name).agreed(samples, tools)
    return [
        Agreement(dataset, language, task_id, name, int(first), int(cluster), int(weight), then)
        for dataset, language, task_id, first, cluster, weight, then in zip(
            *(samples.sources[column].to_pylist() for column in KEY[:3]),
            samples.first_index,
            found.cluster,
            found.weight,
            found.then.tolist(),
            strict=True,
        )
    ]


def _parsed(name: str) -> Term:
    try:
        return ranker_terms.parse(name)
    except ValueError as error:
        raise UserError(f"rerank.rankers: {error}") from error


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")


def _scores(term: Term, samples: Samples, tools: Tools | None) -> NDArray[np.float64]:
    """[programs] the scores of a ranker, or joined from those of several."""
    match term:
        case Lexicographic(terms):
            # Ranks within the problem: 0 for the worst program, 1 for the next, ...
            found = [_scores(inner, samples, tools) for inner in terms]
            return _order.lexicographic(samples.problem, found)
        case Weighted(weighted):
            # Of shares of programs beaten, since scores of two rankers have no common scale: a
            # weighted Borda count (Aslam & Montague 2001, "Models for Metasearch").
            shares = [
                weight * _order.shares_beaten(samples.problem, _scores(inner, samples, tools))
                for weight, inner in weighted
            ]
            return np.asarray(np.sum(shares, axis=0))
        case Ranker(name):
            module = _module(name)
            given = (samples, tools) if getattr(module, "NEEDS", ()) else (samples,)
            scores = np.asarray(module.score(*given), dtype=np.float64)
            if scores.shape != (samples.count,):
                raise ValueError(
                    f"ranker {name}: {scores.shape} scores for {samples.count} samples"
                )
            return samples.best(scores)
