"""Ends a run when the night's time is over: after the candidate and the programs under way.

The services look at the clock, not a signal: what they raise goes the way of every other fault of a
run, on which finished rows are stored and locks are given back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from pipeline.config import RunConfig
from pipeline.records import Execution, Job, Problem, Test
from pipeline.run import Services
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


class TimedCompleter(AroundCompleter):
    """A `Completer` that stops after a finished candidate."""

    def __init__(self, completer: Completer, deadline: Deadline) -> None:
        super().__init__(completer)
        self._deadline = deadline

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for completion in self._completer.complete(requests):
            yield completion
            self._deadline.check()


class TimedScorer(TimedCompleter):
    """One that scores, too."""

    def __init__(self, completer: Completer, scorer: Scorer, deadline: Deadline) -> None:
        super().__init__(completer, deadline)
        self._scorer = scorer

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        for score in self._scorer.score(requests):
            yield score
            self._deadline.check()


class TimedExecutor(AroundExecutor):
    """An `Executor` that takes no more jobs, and stops when those under way have ended."""

    def __init__(self, executor: Executor, deadline: Deadline) -> None:
        super().__init__(executor)
        self._deadline = deadline

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
