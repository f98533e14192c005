"""Load: benchmark files to problems and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tqdm import tqdm

from pipeline.benchmarks import load as load_benchmark
from pipeline.benchmarks.jsonl import stem
from pipeline.config import BenchmarkConfig
from pipeline.records import Problem, ProblemKey, Test, UserError


def load(benchmarks: Sequence[BenchmarkConfig]) -> tuple[list[Problem], list[Test]]:
    """Every wanted problem and its hidden half, in the order of the files.

    Raises UserError for files that are missing or broken, and where two benchmarks of the
    configuration give the same problem.
    """
    problems: list[Problem] = []
    tests: list[Test] = []
    seen: set[ProblemKey] = set()
    for benchmark in tqdm(benchmarks, desc="load    ", unit="benchmark", leave=False, disable=None):
        more_problems, more_tests = load_benchmark(benchmark)
        for problem in more_problems:
            if problem.key in seen:
                raise UserError(
                    f"benchmarks: {problem.key} is loaded twice; name each benchmark once"
                )
            seen.add(problem.key)
        problems += more_problems
        tests += more_tests
    return problems, tests


def dataset(benchmark: BenchmarkConfig) -> str:
    """The dataset name that a benchmark's rows carry."""
    if benchmark.name == "jsonl" and benchmark.path is not None:
        return stem(benchmark.path)
    return benchmark.name


def select(problems: Iterable[Problem], benchmarks: Sequence[BenchmarkConfig]) -> list[Problem]:
    """The stored problems that a configuration wants, where its files are not at hand."""
    stored = list(problems)
    chosen: list[Problem] = []
    for benchmark in benchmarks:
        counts: dict[str, int] = {}
        for problem in stored:
            if (
                problem.dataset != dataset(benchmark)
                or (benchmark.languages and problem.language not in benchmark.languages)
                or (benchmark.task_ids and problem.task_id not in benchmark.task_ids)
            ):
                continue
            count = counts[problem.language] = counts.get(problem.language, 0) + 1
            if benchmark.limit is None or count <= benchmark.limit:
                chosen.append(problem)
    return chosen
