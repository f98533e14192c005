"""Ends a run when the night's time is over: after the candidate and the programs under way.

The services look at the clock, not a signal: what they raise goes the way of every other fault of a
run, on which finished rows are stored and locks are given back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.config import RunConfig
from pipeline.records import DeviceEnergy, EngineStep, Execution, Job, Problem, Test
from pipeline.run import Services
from pipeline.services import (
    Completer,
    Completion,
    CompletionRequest,
    Executor,
    Score,
    Scorer,
    ScoreRequest,
)


class OutOfTime(BaseException):
    """The night's time is over. Not an Exception: whoever sweeps up faults is not to keep it."""


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end

    def check(self) -> None:
        if self.over:
            raise OutOfTime


class TimedCompleter:
    """A `Completer` that stops after a finished candidate."""

    def __init__(self, completer: Completer, deadline: Deadline) -> None:
        self._completer = completer
        self._deadline = deadline

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        self._completer.check(requests)

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for completion in self._completer.complete(requests):
            yield completion
            self._deadline.check()

    def identity(self) -> Mapping[str, Any]:
        return self._completer.identity()

    def environment(self) -> Mapping[str, Any]:
        return self._completer.environment()

    def take_steps(self) -> Sequence[EngineStep | DeviceEnergy]:
        return self._completer.take_steps()


class TimedScorer(TimedCompleter):
    """One that scores, too."""

    def __init__(self, completer: Completer, scorer: Scorer, deadline: Deadline) -> None:
        super().__init__(completer, deadline)
        self._scorer = scorer

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        for score in self._scorer.score(requests):
            yield score
            self._deadline.check()


class TimedExecutor:
    """An `Executor` that takes no more jobs, and stops when those under way have ended."""

    def __init__(self, executor: Executor, deadline: Deadline) -> None:
        self._executor = executor
        self._deadline = deadline

    def prepare(self, languages: Iterable[str]) -> None:
        self._executor.prepare(languages)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        cut = False

        def in_time() -> Iterator[Job]:
            nonlocal cut
            for job in jobs:
                if self._deadline.over:
                    cut = True
                    return
                yield job

        yield from self._executor.run(in_time())
        if cut:
            raise OutOfTime

    def image_digest(self, language: str) -> str:
        return self._executor.image_digest(language)

    def limits_hash(self, language: str) -> str:
        return self._executor.limits_hash(language)

    def environment(self) -> Mapping[str, Any]:
        return self._executor.environment()

    def close(self) -> None:
        self._executor.close()


def limited(services: Services, seconds: float | None) -> Services:
    """Services that raise OutOfTime after so many seconds; None for never."""
    if seconds is None:
        return services
    deadline = Deadline(seconds)

    def completer(
        config: RunConfig, problems: Sequence[Problem], tests: Sequence[Test]
    ) -> Completer:
        made = services.completer(config, problems, tests)
        if isinstance(made, Scorer):
            return TimedScorer(made, made, deadline)
        return TimedCompleter(made, deadline)

    return Services(completer, lambda config: TimedExecutor(services.executor(config), deadline))
