"""The time that one piece of work took where it ran, known once it has ended."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

import torch


class Lap:
    """From entering to leaving the context: by events on the device's stream, or by the clock."""

    def __init__(self, cuda: bool) -> None:
        self._begin = self._end = 0.0
        self._events: tuple[torch.cuda.Event, torch.cuda.Event] | None = None
        if cuda:
            self._events = _event(), _event()

    def __enter__(self) -> None:
        if self._events is not None:
            self._events[0].record()
        else:
            self._begin = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._events is not None:
            self._events[1].record()
        else:
            self._end = time.perf_counter()

    @property
    def ended(self) -> bool:
        """Whether the device is through with it."""
        return self._events is None or self._events[1].query()  # type: ignore[no-untyped-call]  # torch has no types

    @property
    def seconds(self) -> float:
        """Of the device. Raises RuntimeError where the work has not ended."""
        if self._events is None:
            return self._end - self._begin
        return float(self._events[0].elapsed_time(self._events[1])) / 1e3


@dataclass(frozen=True, slots=True)
class Timed:
    """A decode step."""

    height: int  # rows that the model saw, padding included
    lap: Lap


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch has no types
