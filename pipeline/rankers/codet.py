"""CodeT: candidates against tests that a model wrote.

    score(y) = sqrt(#{samples that pass the same tests as y}) * #{tests that y passes}

Samples and tests count as often as they were drawn; of each sample of tests the first five
assertions count. Source: Chen et al. 2022, "CodeT: Code Generation with Generated Tests" (arXiv
2207.10397), section 3, with the square root of its experiments.

A test is a call and the value that the assertion says it gives. All calls of a problem are made in
one run of a candidate, so that what ends the run (the time limit, say) fails the calls after it
too. Where no test could be read all candidates score 0.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.outputs import Observation, observation, settled
from pipeline.rankers._agreement import Agreed
from pipeline.rankers._generated import generate
from pipeline.rankers._outputs import problems_of, run
from pipeline.rankers._samples import Samples
from pipeline.rankers._tools import Tools
from pipeline.records import Problem, ProblemKey

NEEDS = ("executor", "completer")

Tests = Counter[tuple[int, str]]  # number of the call, value; and how often it was drawn


def score(samples: Samples, tools: Tools) -> NDArray[np.float64]:
    """[S] sqrt(samples) * tests."""
    problems, passed, worth = _passed(samples, tools)
    solutions: Counter[tuple[ProblemKey, frozenset[tuple[int, str]]]] = Counter()
    for key, own, times in zip(problems, passed, samples.drawn.tolist(), strict=True):
        solutions[key, own] += times
    scores = [
        math.sqrt(solutions[key, own]) * tests
        for key, own, tests in zip(problems, passed, worth, strict=True)
    ]
    return np.array(scores, np.float64)[samples.program]


def agreed(samples: Samples, tools: Tools) -> Agreed:
    """Squared, the score is samples * tests^2: the same order in whole numbers."""
    problems, passed, worth = _passed(samples, tools)
    numbers: dict[tuple[ProblemKey, frozenset[tuple[int, str]]], int] = {}
    cluster = [
        numbers.setdefault((key, own), len(numbers))
        for key, own in zip(problems, passed, strict=True)
    ]
    weight = np.array(worth, np.int64) ** 2
    return Agreed(np.array(cluster, np.int64), weight, np.zeros(samples.programs))


def _passed(
    samples: Samples, tools: Tools
) -> tuple[list[ProblemKey], list[frozenset[tuple[int, str]]], list[int]]:
    """By program: its problem, the generated tests that it passes, as how many they were drawn."""
    keys = [problem.key for problem in problems_of(samples, tools)]
    distinct = {problem.key: problem for problem in problems_of(samples, tools)}
    drawn = generate(distinct, tools)
    observed: dict[ProblemKey, Observation | None] = {}
    tests: dict[ProblemKey, Tests] = {}
    for key, problem in distinct.items():
        observed[key], tests[key] = _tests(problem, drawn[key])
    passed = [
        frozenset(test for test in tests[key] if outputs and outputs[test[0]] == test[1])
        for key, outputs in zip(keys, run(samples, tools, observed), strict=True)
    ]
    worth = [sum(tests[key][test] for test in own) for key, own in zip(keys, passed, strict=True)]
    return keys, passed, worth


def _tests(problem: Problem, drawn: list[Call]) -> tuple[Observation | None, Tests]:
    """The calls to observe, and the tests on them; the same call in two tests is made once."""
    calls: dict[str, Call] = {}
    for call in drawn:
        calls.setdefault(settled(call.args, problem.language), Call(call.args))
    made = observation(problem, list(calls.values()))
    if made is None:
        return None, Counter()
    number = {settled(call.args, problem.language): i for i, call in enumerate(made.calls)}
    tests: Tests = Counter()
    for call in drawn:
        at = number.get(settled(call.args, problem.language))
        if at is not None:
            tests[at, settled(call.expected, problem.language)] += 1
    return made, tests
