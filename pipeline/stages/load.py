"""Load: benchmark files to problems and tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tqdm import tqdm

from pipeline.benchmarks import load as load_benchmark
from pipeline.benchmarks import overlap
from pipeline.config import BenchmarkConfig
from pipeline.records import Part, Problem, ProblemKey, PublicExamples, Test, UserError


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


def public_examples(problems: Iterable[Problem], tests: Iterable[Test]) -> list[PublicExamples]:
    """How many of each prompt's own examples are hidden tests too."""
    test_of = {test.key: test for test in tests}
    return [overlap.public_examples(problem, test_of[problem.key]) for problem in problems]


def select(problems: Iterable[Problem], benchmarks: Sequence[BenchmarkConfig]) -> list[Problem]:
    """The stored problems that a configuration wants, where its files are not at hand.

    Raises UserError for a benchmark, or a language of it, that was not loaded.
    """
    stored = list(problems)
    parts = {problem.key.part for problem in stored}
    for benchmark in benchmarks:
        named = {Part(benchmark.dataset, language) for language in benchmark.languages}
        loaded = {part for part in parts if part.dataset == benchmark.dataset}
        for lacking in sorted(map(str, named - loaded)) if loaded else [benchmark.dataset]:
            raise UserError(f"benchmarks: {lacking} has not been loaded: use --from-stage load")
    chosen: list[Problem] = []
    for benchmark in benchmarks:
        counts: dict[str, int] = {}
        for problem in stored:
            if (
                problem.dataset != benchmark.dataset
                or (benchmark.languages and problem.language not in benchmark.languages)
                or (benchmark.task_ids and problem.task_id not in benchmark.task_ids)
            ):
                continue
            count = counts[problem.language] = counts.get(problem.language, 0) + 1
            if benchmark.limit is None or count <= benchmark.limit:
                chosen.append(problem)
    return chosen
