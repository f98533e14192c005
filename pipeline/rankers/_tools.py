"""What rankers that run programs are handed: the services of the stages, and the problems.

Of a problem they see what a model sees. No test is among it, and no way to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.records import Execution, Job, Problem, ProblemKey
from pipeline.services import Executor


@dataclass(frozen=True, slots=True)
class Tools:
    """problems: by key. executor: runs jobs; None where no ranker of the run asked for it."""

    problems: Mapping[ProblemKey, Problem]
    executor: Executor | None = None


@dataclass(slots=True)
class Bill:
    """What one ranker used, each thing once, whether or not another ranker had paid for it."""

    executions: dict[tuple[str, str], float] = field(default_factory=dict)  # CPU seconds

    @property
    def cpu_seconds(self) -> float:
        return sum(seconds for seconds in self.executions.values() if seconds == seconds)


class BilledExecutor:
    """An `Executor` that writes down what it gives."""

    def __init__(self, executor: Executor, bill: Bill) -> None:
        self._executor = executor
        self._bill = bill

    def prepare(self, languages: Iterable[str]) -> None:
        self._executor.prepare(languages)

    def image_digest(self, language: str) -> str:
        return self._executor.image_digest(language)

    def limits_hash(self, language: str) -> str:
        return self._executor.limits_hash(language)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for execution in self._executor.run(jobs):
            key = (execution.program_hash, execution.test_hash)
            self._bill.executions[key] = execution.m_cpu_seconds
            yield execution

    def environment(self) -> Mapping[str, Any]:
        return self._executor.environment()

    def close(self) -> None:
        """The stage's to do."""
