"""What the distinct programs give on their problems' public inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.public_inputs.outputs import FAILED, Observation, observation
from pipeline.rankers._generated import generated_inputs
from pipeline.rankers._samples import KEY, Samples
from pipeline.rankers._tools import Tools
from pipeline.records import Job, Problem, ProblemKey, digest


@dataclass(frozen=True, slots=True)
class Outputs:
    """By program. A vector holds the value of each public input, or that there was none."""

    vector: NDArray[np.int64]  # [programs] equal numbers for equal vectors of one problem; -1 where
    # no input gave a value (it did not compile, raised on every one, ...) or there is no input
    passed: NDArray[np.int64]  # [programs] documented examples whose value it gave


def observe(samples: Samples, tools: Tools) -> Outputs:
    """Runs every distinct program on its problem's public inputs, or on generated ones."""
    problems = problems_of(samples, tools)
    observed = {problem.key: observation(problem) for problem in problems}
    if tools.generated_inputs:
        without = {p.key: p for p in problems if observed[p.key] is None}
        for key, calls in generated_inputs(without, tools).items():
            observed[key] = observation(without[key], calls)
    numbers: dict[tuple[int, tuple[str, ...]], int] = {}
    vector = np.full(samples.programs, -1, np.int64)
    passed = np.zeros(samples.programs, np.int64)
    for at, outputs in enumerate(run(samples, tools, observed)):
        made = observed[problems[at].key]
        if made is None or outputs is None:
            continue
        passed[at] = sum(
            output == wanted for output, wanted in zip(outputs, made.expected, strict=True)
        )
        if any(output != FAILED for output in outputs):
            same = (int(samples.problem[at]), outputs)
            vector[at] = numbers.setdefault(same, len(numbers))
    return Outputs(vector, passed)


def problems_of(samples: Samples, tools: Tools) -> list[Problem]:
    """[programs] the problem of each."""
    columns = (samples.sources[name].to_pylist() for name in KEY[:3])
    return [tools.problems[ProblemKey(*key)] for key in zip(*columns, strict=True)]


def run(
    samples: Samples, tools: Tools, observed: Mapping[ProblemKey, Observation | None]
) -> list[tuple[str, ...] | None]:
    """[programs] what each gave for the calls of its problem's observation; None without one."""
    executor = tools.executor
    assert executor is not None  # the ranker says that it needs one
    problems = problems_of(samples, tools)
    hashes = samples.sources["program_hash"].to_pylist()
    completions = samples.sources["completion"].to_pylist()
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    of_test: dict[str, Observation] = {}

    def jobs() -> Iterator[Job]:
        for problem, program_hash, completion in zip(problems, hashes, completions, strict=True):
            made = observed[problem.key]
            if made is not None:
                job = _job(problem, made, program_hash, completion)
                of_test[job.test_hash] = made
                yield job

    for execution in executor.run(jobs()):
        outputs = of_test[execution.test_hash].outputs(f"{execution.stdout}\n{execution.stderr}")
        found[execution.program_hash, execution.test_hash] = outputs

    given: list[tuple[str, ...] | None] = []
    for problem, program_hash in zip(problems, hashes, strict=True):
        made = observed[problem.key]
        given.append(None if made is None else found[program_hash, _test_hash(problem, made)])
    return given


def cluster_sizes(samples: Samples, outputs: Outputs) -> NDArray[np.int64]:
    """[programs] samples of the problem, duplicates counted, with the program's outputs; 0 where
    it has none."""
    some = outputs.vector >= 0
    sizes = np.zeros(int(outputs.vector.max(initial=-1)) + 1, np.int64)
    np.add.at(sizes, outputs.vector[some], samples.drawn[some])
    out = np.zeros(samples.programs, np.int64)
    out[some] = sizes[outputs.vector[some]]
    return out


def _job(problem: Problem, made: Observation, program_hash: str, completion: str) -> Job:
    return Job(
        language=problem.language,
        prompt=problem.prompt[problem.header_chars :],
        completion=completion,
        test=made.test,
        kind="program",
        entry_point=problem.entry_point,
        program_hash=program_hash,
        test_hash=_test_hash(problem, made),
    )


def _test_hash(problem: Problem, made: Observation) -> str:
    return digest("program", made.test, problem.entry_point)
