"""How many rows pay, by what steps were measured to take.

More rows make a step longer and give more tokens: up to some height more tokens a second. A run
begins with few rows and goes up by doublings while that gives more, so that a chip (or a context)
on which it does not is not filled in vain. The pace is set by steps, not by seconds: where times
are clearly apart, a run repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from pipeline.engine.scheduler_events import SchedulerEvents

MEASURED = 5  # steps at a height before it is judged, after one that is not counted
GAIN = 1.01  # tokens a second, times those of the height below, that justify a height
AGAIN = 1024  # steps after which a height is tried once more: contexts have grown or shrunk


class Pace:
    """Most rows that shall run at a time."""

    def __init__(self, heights: Sequence[int], free_rows: float, events: SchedulerEvents) -> None:
        """heights: of steps, ascending, the last at least all rows that there may ever be;
        free_rows: up to so many rows a step takes as long as reading the weights, and more rows
        are worth it without being measured."""
        self._events = events
        self._levels = _doublings([height for height in heights if height > free_rows])
        self._at = 0
        self._times: list[float] = []
        self._below = 0.0  # rows a second one level below
        self._settled = len(self._levels) < 2
        self._steps = 0  # since it settled

    @property
    def rows(self) -> int | None:
        """None: as many as there are."""
        return self._levels[self._at] if self._at < len(self._levels) - 1 else None

    def note(self, height: int, seconds: float) -> None:
        """A step of that height took so long on the device."""
        if self._settled:
            self._steps += 1
            if self.rows is not None and self._steps >= AGAIN:
                self._settled, self._below = False, 0.0
            return
        if height != self._levels[self._at]:
            return
        self._times.append(seconds)
        if len(self._times) > MEASURED:
            self._judge(height / median(self._times[1:]))

    def _judge(self, rate: float) -> None:
        self._times.clear()
        if rate < self._below * GAIN:
            self._at -= 1
            self._events.heights_refused += 1
            self._settle()
        elif self._at < len(self._levels) - 1:
            self._at += 1
            self._below = rate
        else:
            self._settle()

    def _settle(self) -> None:
        self._settled, self._steps = True, 0


def _doublings(heights: Sequence[int]) -> list[int]:
    """The last height and, downwards, those at most half as high as the one before."""
    chosen: list[int] = []
    for height in reversed(heights):
        if not chosen or height <= chosen[-1] / 2:
            chosen.append(height)
    return chosen[::-1]
