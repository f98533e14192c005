"""Jobs wait by language, so that a slow language never stands in front of a quick one.

A worker that is free takes a job of the language that has the fewest workers, and of several such
the one that has had the least worker time. No worker is idle while any job waits, so the order
costs nothing: it only decides who waits.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

from pipeline.records import Job

AHEAD = 2000  # jobs that may wait for each language that has come up


@dataclass
class _Line:
    """What waits of one language, and what it has had."""

    waiting: deque[Job] = field(default_factory=deque)
    running: int = 0
    seconds: float = (
        0.0  # worker time so far; of a language that comes late, the least of the others'
    )


class FairQueue:
    """Between the thread that brings jobs and the workers that take them."""

    def __init__(self, ahead: int = AHEAD) -> None:
        self._ahead = ahead
        self._lines: dict[str, _Line] = {}
        lock = threading.Lock()
        self._some = threading.Condition(lock)  # a job waits
        self._room = threading.Condition(lock)  # half of those that may wait are gone
        self._closed = False

    def put(self, job: Job) -> bool:
        """Adds a job; waits while as many wait as may. False: the queue was closed meanwhile."""
        with self._room:
            self._room.wait_for(lambda: self._closed or self._waiting() < self._most())
            if self._closed:
                return False
            line = self._lines.setdefault(job.language, _Line())
            if not line.waiting and not line.running:
                # Time that a language did not ask for is no credit: it would keep the others away.
                busy = [x.seconds for x in self._lines.values() if x.waiting or x.running]
                line.seconds = max(line.seconds, min(busy, default=0.0))
            line.waiting.append(job)
            self._some.notify()
            return True

    def take(self) -> Job | None:
        """The next job, once there is one; None when the queue is closed and empty."""
        with self._some:
            self._some.wait_for(lambda: self._closed or bool(self._ready()))
            ready = self._ready()
            if not ready:
                return None
            line = min(ready, key=lambda x: (x.running, x.seconds))
            line.running += 1
            job = line.waiting.popleft()
            # Not for each job: a thread that wakes takes its time from those that work.
            if self._waiting() <= self._most() // 2:
                self._room.notify()
            return job

    def done(self, job: Job, seconds: float) -> None:
        """A worker has spent so many seconds on a job that it took."""
        with self._some:
            line = self._lines[job.language]
            line.running -= 1
            line.seconds += seconds

    def close(self) -> None:
        """No more jobs come; those that wait are still given out."""
        with self._some:
            self._close()

    def clear(self) -> None:
        """Closes, and drops what waits; nothing is put between the two."""
        with self._some:
            for line in self._lines.values():
                line.waiting.clear()
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._some.notify_all()
        self._room.notify_all()

    def _ready(self) -> list[_Line]:
        return [line for line in self._lines.values() if line.waiting]

    def _waiting(self) -> int:
        return sum(len(line.waiting) for line in self._lines.values())

    def _most(self) -> int:
        """How many may wait: for each language, since they come in an order that is not ours."""
        return self._ahead * max(1, len(self._lines))
