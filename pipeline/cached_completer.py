"""A `Completer` that samples nothing twice: what a table holds is given from there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pipeline.records import CandidateKey, EngineStep, Record
from pipeline.services import Completer, Completion, CompletionRequest


class CachedCompleter:
    """Samples what is not known yet, of one purpose.

    known: completions of earlier sessions, of the same prompts under the same sampling. write:
    receives the rows of each new one as it ends.
    """

    def __init__(
        self,
        completer: Completer,
        known: Iterable[Completion],
        write: Callable[..., None],
    ) -> None:
        self._completer = completer
        self._known = {completion.candidate.key: completion for completion in known}
        self._write = write

    def check(self, requests: Iterable[CompletionRequest]) -> None:
        self._completer.check(self._lacking(requests))

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        wanted = list(requests)
        for completion in self._completer.complete(self._lacking(wanted)):
            self._known[completion.candidate.key] = completion
            rows: list[Record] = [completion.call, completion.candidate]
            self._write(*rows, *self._completer.take_steps())
        self._write(*self._completer.take_steps())  # the last stretches end after the last sample
        for request in wanted:
            for index in request.sample_indices:
                yield self._known[CandidateKey(*request.problem, index)]

    def identity(self) -> Mapping[str, Any]:
        return self._completer.identity()

    def environment(self) -> Mapping[str, Any]:
        return self._completer.environment()

    def take_steps(self) -> list[EngineStep]:
        """None: they are written beside the samples."""
        return []

    def _lacking(self, requests: Iterable[CompletionRequest]) -> Iterator[CompletionRequest]:
        for request in requests:
            indices = tuple(
                index
                for index in request.sample_indices
                if CandidateKey(*request.problem, index) not in self._known
            )
            if indices:
                yield dataclasses.replace(request, sample_indices=indices)
