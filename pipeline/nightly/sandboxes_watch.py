"""Tells a failure of the sandboxes from every other: it says nothing about a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.config import RunConfig
from pipeline.records import Execution, Job, UserError
from pipeline.run import Services
from pipeline.services import AroundExecutor, Executor


class InfrastructureFault(UserError):
    """The sandboxes could not be had, or gave up."""


class Watched(AroundExecutor):
    """An `Executor` whose faults are InfrastructureFault, whatever they were."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)

    def prepare(self, languages: Iterable[str]) -> None:
        try:
            self._executor.prepare(languages)
        except Exception as fault:
            raise said(fault) from fault

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        try:
            yield from self._executor.run(jobs)
        except Exception as fault:
            raise said(fault) from fault


def said(fault: Exception) -> InfrastructureFault:
    if isinstance(fault, InfrastructureFault):
        return fault
    words = str(fault) if isinstance(fault, UserError) else f"{type(fault).__name__}: {fault}"
    return InfrastructureFault(words)


def watched(services: Services) -> Services:
    def executor(config: RunConfig) -> Executor:
        try:
            return Watched(services.executor(config))
        except Exception as fault:
            raise said(fault) from fault

    return Services(services.completer, executor)
