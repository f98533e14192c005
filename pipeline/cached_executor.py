"""An `Executor` that runs nothing twice: what a table holds is given from there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from pipeline.records import Execution, Job
from pipeline.services import AroundExecutor, Executor

# As the execute stage has it: a sandbox that failed three times will fail the fourth time too.
INFRASTRUCTURE_RETRIES = 2

Key = tuple[str, str, str, str]  # program hash, test hash, image digest, limits hash


class CachedExecutor(AroundExecutor):
    """Runs jobs whose outcome is not known yet. Closing the executor inside is its owner's to do.

    known: executions of earlier sessions. write: receives each new one as it ends, except
    infrastructure errors: those say nothing of the program, and are tried again another time.
    """

    def __init__(
        self,
        executor: Executor,
        known: Iterable[Execution],
        write: Callable[[Execution], None],
    ) -> None:
        super().__init__(executor)
        self._known = {_key(execution): execution for execution in known}
        self._write = write

    def close(self) -> None:
        """Nothing of its own."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """Yields one execution for every distinct job, known ones first or in between."""
        given: dict[Key, Job] = {}
        ready: list[Execution] = []

        def lacking() -> Iterator[Job]:
            for job in jobs:
                key = self._key(job)
                if key in given:
                    continue
                given[key] = job
                if key in self._known:
                    ready.append(self._known[key])
                else:
                    yield job

        failed: list[Execution] = []
        for execution in self._executor.run(lacking()):
            if execution.verdict == "infrastructure_error":
                failed.append(execution)
                continue
            yield self._done(execution)
            while ready:
                yield ready.pop()
        yield from ready
        for execution in failed:
            for _ in range(INFRASTRUCTURE_RETRIES):
                job = dataclasses.replace(given[_key(execution)], attempt=execution.attempt + 1)
                (execution,) = self._executor.run([job])
                if execution.verdict != "infrastructure_error":
                    self._done(execution)
                    break
            yield execution

    def _done(self, execution: Execution) -> Execution:
        self._known[_key(execution)] = execution
        self._write(execution)
        return execution

    def _key(self, job: Job) -> Key:
        language = job.language
        image, limits = self.image_digest(language), self.limits_hash(language)
        return (job.program_hash, job.test_hash, image, limits)


def _key(execution: Execution) -> Key:
    return (
        execution.program_hash,
        execution.test_hash,
        execution.image_digest,
        execution.limits_hash,
    )
