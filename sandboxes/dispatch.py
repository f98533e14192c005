"""One run of many jobs: a thread that brings them, one for each worker, and their executions."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from pipeline.records import Execution, Job
from sandboxes.fair_queue import FairQueue

# The name of a run's threads: they outlive a run that was abandoned until their jobs are done.
THREAD = "forkeval-sandbox"


def run(
    execute: Callable[[Job], Execution], workers: int, jobs: Iterable[Job]
) -> Iterator[Execution]:
    """Yields executions as they finish.

    An error of `execute` or of `jobs` ends the run and is raised after the executions that were
    finished by then. A caller that stops early ends the run after the jobs under way.
    """
    return _Run(execute, workers, jobs).results()


class _Run:
    def __init__(
        self, execute: Callable[[Job], Execution], workers: int, jobs: Iterable[Job]
    ) -> None:
        self._execute = execute
        self._workers = workers
        self._jobs = iter(jobs)
        self._waiting = FairQueue()
        # None: a thread ended. An exception: it ends the run, after what was finished before.
        self._done: queue.SimpleQueue[Execution | BaseException | None] = queue.SimpleQueue()

    def results(self) -> Iterator[Execution]:
        targets = [self._feed, *[self._work] * self._workers]
        threads = [threading.Thread(target=each, name=THREAD, daemon=True) for each in targets]
        for thread in threads:
            thread.start()
        failure: BaseException | None = None
        try:
            for _ in threads:
                while (item := self._done.get()) is not None:
                    if not isinstance(item, BaseException):
                        yield item
                    elif failure is None:
                        failure = item
                        self._waiting.clear()
        finally:
            self._waiting.clear()
        if failure is not None:
            raise failure

    def _feed(self) -> None:
        try:
            for job in self._jobs:
                if not self._waiting.put(job):
                    break
        except BaseException as error:
            self._done.put(error)
        finally:
            self._waiting.close()
            self._done.put(None)

    def _work(self) -> None:
        try:
            while (job := self._waiting.take()) is not None:
                started = time.monotonic()
                try:
                    self._done.put(self._execute(job))
                finally:
                    self._waiting.done(job, time.monotonic() - started)
        except BaseException as error:
            self._done.put(error)
        finally:
            self._done.put(None)
