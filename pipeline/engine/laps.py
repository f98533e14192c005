"""The time that one piece of work took where it ran, known once it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lap:
    """By the clock, or by events on the device's stream where there are some."""

    clock: float  # seconds
    events: tuple[torch.cuda.Event, torch.cuda.Event] | None

    @property
    def ended(self) -> bool:
        """Whether the device is through with it."""
        return self.events is None or self.events[1].query()  # type: ignore[no-untyped-call]  # torch has no types

    @property
    def seconds(self) -> float:
        """Of the device. Raises RuntimeError where the work has not ended."""
        if self.events is None:
            return self.clock
        return float(self.events[0].elapsed_time(self.events[1])) / 1e3


@dataclass(frozen=True, slots=True)
class Timed:
    """A decode step."""

    height: int  # rows that the model saw, padding included
    lap: Lap


def timed(work: Callable[[], T], cuda: bool) -> tuple[T, Lap]:
    """Runs work; cuda: what it queues on the current stream is timed, not the queueing."""
    if not cuda:
        start = time.perf_counter()
        result = work()
        return result, Lap(time.perf_counter() - start, None)
    begin, end = _event(), _event()
    begin.record()
    result = work()
    end.record()
    return result, Lap(0.0, (begin, end))


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch has no types
