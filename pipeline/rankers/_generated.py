"""Tests that the model of the run writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from pipeline.public_inputs import generated
from pipeline.public_inputs.calls import Call
from pipeline.rankers._tools import Tools
from pipeline.records import Problem, ProblemKey
from pipeline.services import CompletionRequest

PURPOSE = "test_generation"
INPUTS = 10  # calls that programs are compared on where a prompt has no input of its own


def generate(problems: Mapping[ProblemKey, Problem], tools: Tools) -> dict[ProblemKey, list[Call]]:
    """The tests that the model writes for each problem, as drawn."""
    completer = tools.completer
    assert completer is not None  # NEEDS says so
    found: dict[ProblemKey, dict[int, list[Call]]] = defaultdict(dict)

    def requests() -> Iterator[CompletionRequest]:
        for key, problem in problems.items():
            yield CompletionRequest(
                problem=key,
                prompt=generated.prompt(problem),
                sample_indices=tuple(range(tools.test_samples)),
                stop=tools.stops.get(problem.language, ()),
                purpose=PURPOSE,
                header_chars=problem.header_chars,
            )

    completer.check(requests())
    for completion in completer.complete(requests()):
        candidate = completion.candidate
        key = candidate.key.problem
        found[key][candidate.sample_index] = generated.tests(problems[key], candidate.text)
    return {key: [call for i in sorted(found[key]) for call in found[key][i]] for key in problems}


def generated_inputs(
    problems: Mapping[ProblemKey, Problem], tools: Tools
) -> dict[ProblemKey, list[Call]]:
    """The first distinct calls of each problem's generated tests, without the values."""
    found: dict[ProblemKey, list[Call]] = {}
    for key, calls in generate(problems, tools).items():
        kept: list[Call] = []
        for call in calls:
            if len(kept) < INPUTS and not any(call.args == other.args for other in kept):
                kept.append(Call(call.args))
        found[key] = kept
    return found
