"""A thread that stores what is produced, so that the producer does not wait for the disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Handoff(Generic[T]):
    """Takes items in a thread of its own, in the order in which they are put; a context manager.

    Whatever was put has been taken when the context ends, however it ends. The first error of
    `take` is raised in the caller, at the next `put` or at the end; items after it are still
    offered, since what was computed for them shall not be lost.
    """

    def __init__(self, take: Callable[[T], None], most: int) -> None:
        """most: items that may wait; with more, `put` does."""
        self._take = take
        self._items: queue.Queue[T | None] = queue.Queue(most)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="handoff", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def put(self, item: T) -> None:
        """Hands over an item (not None). Raises what `take` raised for an earlier one."""
        self._items.put(item)
        self._raise()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._items.put(None)
        while self._thread.is_alive():
            self._thread.join(0.2)  # a bare join would keep Ctrl-C waiting
        if error is None:
            self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _work(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                self._take(item)
            except BaseException as failure:  # raised in the caller's thread
                self._failure = self._failure or failure
