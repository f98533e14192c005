"""Sample: problems to candidates and the calls that drew them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from pipeline.records import CandidateKey, Problem, ProblemKey, UserError
from pipeline.services import Completer, Completion, CompletionRequest


def missing(
    problems: Iterable[Problem], n: int, have: Collection[CandidateKey]
) -> dict[ProblemKey, tuple[int, ...]]:
    """Sample indices below `n` that each problem still lacks; complete problems are left out."""
    wanted = {
        problem.key: tuple(i for i in range(n) if CandidateKey(*problem.key, i) not in have)
        for problem in problems
    }
    return {key: indices for key, indices in wanted.items() if indices}


def requests(
    problems: Iterable[Problem],
    lacking: Mapping[ProblemKey, tuple[int, ...]],
    stops: Mapping[str, Sequence[str]],
) -> Iterator[CompletionRequest]:
    """One request a problem, so that all its samples share one copy of the prompt's KV."""
    for problem in problems:
        if indices := lacking.get(problem.key):
            yield CompletionRequest(
                problem=problem.key,
                prompt=problem.prompt,
                sample_indices=indices,
                stop=tuple(stops[problem.language]),
                header_chars=problem.header_chars,
            )


def sample(
    problems: Sequence[Problem],
    n: int,
    have: Collection[CandidateKey],
    stops: Mapping[str, Sequence[str]],
    completer: Completer,
    write: Callable[[Completion], None],
) -> int:
    """Draws every missing sample and hands each to `write` as it finishes; returns how many.

    Raises UserError before the first sample where a prompt cannot be served, and at the end when
    the completer left out a sample: asked for n means exactly n.
    """
    lacking = missing(problems, n, have)
    expected = {CandidateKey(*key, index) for key, indices in lacking.items() for index in indices}
    completer.check(requests(problems, lacking, stops))
    drawn = 0
    for completion in completer.complete(requests(problems, lacking, stops)):
        expected.discard(completion.candidate.key)
        write(completion)
        drawn += 1
    if expected:
        first = min(expected)
        raise UserError(
            f"{first.problem}: sample {first.sample_index} was not drawn, nor were "
            f"{len(expected) - 1} others: every problem needs exactly n = {n}"
        )
    return drawn
