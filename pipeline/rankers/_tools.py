"""What rankers that run programs are handed: the services of the stages, and the problems.

Of a problem they see what a model sees. No test is among it, and no way to one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.records import Call, EngineStep, Execution, Job, Problem, ProblemKey
from pipeline.services import (
    AroundCompleter,
    AroundExecutor,
    Completer,
    Completion,
    CompletionRequest,
    Executor,
    Score,
    Scorer,
    ScoreRequest,
)


@dataclass(frozen=True, slots=True)
class Tools:
    """problems: by key. The services are None where no ranker of the run asked for them.

    executor: runs jobs. completer: samples what the ranker asks for. scorer: tells how likely the
    model takes a text to be. stops: stop strings by
    language. test_samples: samples of generated tests a problem. generated_inputs: whether programs
    are compared on the calls of such tests where the prompt has no public input.
    """

    problems: Mapping[ProblemKey, Problem]
    executor: Executor | None = None
    completer: Completer | None = None
    scorer: Scorer | None = None
    stops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_samples: int = 10
    generated_inputs: bool = False

    def billed(self, bill: Bill) -> Tools:
        """The same, writing down what is used."""
        return dataclasses.replace(
            self,
            executor=self.executor and BilledExecutor(self.executor, bill),
            completer=self.completer and BilledCompleter(self.completer, bill),
            scorer=self.scorer and BilledScorer(self.scorer, bill),
        )


@dataclass(slots=True)
class Bill:
    """What one ranker used, each thing once, whether or not another ranker had paid for it."""

    executions: dict[tuple[str, str], float] = field(default_factory=dict)  # CPU seconds
    calls: dict[tuple[ProblemKey, int, str, int], Call] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        return sum(seconds for seconds in self.executions.values() if seconds == seconds)

    def add(self, call: Call) -> None:
        problem = ProblemKey(call.dataset, call.language, call.task_id)
        self.calls[problem, call.sample_index, call.purpose, call.turn] = call


class BilledExecutor(AroundExecutor):
    """An `Executor` that writes down what it gives."""

    def __init__(self, executor: Executor, bill: Bill) -> None:
        super().__init__(executor)
        self._bill = bill

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for execution in self._executor.run(jobs):
            key = (execution.program_hash, execution.test_hash)
            self._bill.executions[key] = execution.m_cpu_seconds
            yield execution

    def close(self) -> None:
        """The stage's to do."""


class BilledCompleter(AroundCompleter):
    """A `Completer` that writes down what it gives."""

    def __init__(self, completer: Completer, bill: Bill) -> None:
        super().__init__(completer)
        self._bill = bill

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for completion in self._completer.complete(requests):
            self._bill.add(completion.call)
            yield completion

    def take_steps(self) -> list[EngineStep]:
        """The stage's to take."""
        return []


class BilledScorer:
    """A `Scorer` that writes down what it gives."""

    def __init__(self, scorer: Scorer, bill: Bill) -> None:
        self._scorer = scorer
        self._bill = bill

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        for score in self._scorer.score(requests):
            self._bill.add(score.call)
            yield score
