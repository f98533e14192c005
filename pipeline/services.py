"""The services handed to stages, rankers and strategies: a `Completer` and an `Executor`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from pipeline.records import (
    Call,
    Candidate,
    CandidateKey,
    DeviceEnergy,
    EngineEvents,
    EngineStep,
    Execution,
    Job,
    ProblemKey,
)


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Samples wanted of one prompt. One request shares the prompt's KV among its samples."""

    problem: ProblemKey
    prompt: str
    sample_indices: tuple[int, ...]  # which samples; each has a random stream of its own
    stop: tuple[str, ...]  # stop strings, scanned on the completion only; the earliest wins
    purpose: str = "candidate"
    turn: int = 0
    header_chars: int = 0  # leading characters of `prompt` shared with other problems of the run


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished sample and its ledger entry."""

    call: Call
    candidate: Candidate
    fault: str = ""  # why the sample could not be drawn, its finish reason being `failed`


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """The log-probability wanted of a text after another, on behalf of one candidate."""

    candidate: CandidateKey
    prompt: str
    continuation: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Score:
    """Natural log of the continuation's probability; nan where the model has no room for it."""

    candidate: CandidateKey
    call: Call
    logprob: float


@runtime_checkable
class Scorer(Protocol):
    """Texts to log-probabilities; what a `Completer` with a model can do besides completing."""

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        """Yields one score a request, in any order: one prefill each."""


class Completer(Protocol):
    """Prompts to candidates."""

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        """Raises UserError that names the requests where none of them can be served (prompts too
        long). Where only some cannot, their samples come as failed ones.
        """

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        """Yields samples as they finish, in any order; pulls requests lazily, as it has room.

        A sample that cannot be drawn comes as a failed one with its `fault`, and the others go on.
        """

    def identity(self) -> Mapping[str, Any]:
        """What changes a sample: weights hash, tokenizer, sampling, seed, dtype, mode."""

    def environment(self) -> Mapping[str, Any]:
        """What it ran on, for the record: device, versions, batch layout."""

    def take_steps(self) -> Sequence[EngineStep | DeviceEnergy | EngineEvents]:
        """Timings, energy and events since the last call; empty for recorded completions."""


class Executor(Protocol):
    """Programs to executions."""

    def prepare(self, languages: Iterable[str]) -> None:
        """Checks engine and images and self-tests them; UserError with the fix if one fails."""

    def image_digest(self, language: str) -> str:
        """Digest of the image that jobs of this language run in; part of an execution's key."""

    def limits_hash(self, language: str) -> str:
        """Hash of the limits that jobs of this language run under; part of an execution's key."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """Yields executions as they finish, in any order; pulls jobs as sandboxes free up."""

    def environment(self) -> Mapping[str, Any]:
        """Engine version, image digests, toolchain versions, limits."""

    def close(self) -> None:
        """Removes the pool's containers."""


# Services around another one: what a class does not change goes through as it is.


class AroundExecutor:
    """An `Executor` that hands everything to the one inside."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def prepare(self, languages: Iterable[str]) -> None:
        self._executor.prepare(languages)

    def image_digest(self, language: str) -> str:
        return self._executor.image_digest(language)

    def limits_hash(self, language: str) -> str:
        return self._executor.limits_hash(language)

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        return self._executor.run(jobs)

    def environment(self) -> Mapping[str, Any]:
        return self._executor.environment()

    def close(self) -> None:
        self._executor.close()


class AroundCompleter:
    """A `Completer` that hands everything to the one inside."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        self._completer.check(requests)

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        return self._completer.complete(requests)

    def identity(self) -> Mapping[str, Any]:
        return self._completer.identity()

    def environment(self) -> Mapping[str, Any]:
        return self._completer.environment()

    def take_steps(self) -> Sequence[EngineStep | DeviceEnergy | EngineEvents]:
        return self._completer.take_steps()
