"""Coder-Reviewer: how likely the code is given the task, and the task given the code.

    score(y) = log p(y | x) + log p(x | y)        (nats)

The first is the sum over the kept tokens, as drawn; the second is scored by the model in one
prefill a distinct program: the code, its comments stripped and the function's name replaced, then
the prompt's documentation, whose tokens count. Source: Zhang et al. 2022, "Coder Reviewer Reranking
for Code Generation" (arXiv 2211.16490), equation 2, equal weights.

Degenerate code (nothing, `pass`, a bare return, or text that zlib compresses to a quarter or less),
and a review that the model has no room for, rank last: -inf.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers import sum_logprob
from pipeline.rankers._outputs import problems_of
from pipeline.rankers._review import degenerate, review
from pipeline.rankers._samples import Samples
from pipeline.rankers._tools import Tools
from pipeline.records import CandidateKey
from pipeline.services import ScoreRequest

NEEDS = ("scorer",)
PURPOSE = "review"


def score(samples: Samples, tools: Tools) -> NDArray[np.float64]:
    """[S] nats; nan without log-probabilities."""
    scorer = tools.scorer
    assert scorer is not None  # NEEDS says so
    problems = problems_of(samples, tools)
    completions = samples.sources["completion"].to_pylist()
    at: dict[CandidateKey, int] = {}

    def requests() -> Iterator[ScoreRequest]:
        for i, (problem, completion) in enumerate(zip(problems, completions, strict=True)):
            if not degenerate(completion, problem.language):
                key = CandidateKey(*problem.key, int(samples.first_index[i]))
                at[key] = i
                yield ScoreRequest(key, *review(problem, completion), PURPOSE)

    backward = np.full(samples.programs, -np.inf)
    for found in scorer.score(requests()):
        logprob = found.logprob
        backward[at[found.candidate]] = -np.inf if np.isnan(logprob) else logprob
    joint = samples.best(sum_logprob.score(samples)) + backward
    return np.asarray(joint[samples.program])
