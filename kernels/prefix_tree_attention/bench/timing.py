"""Times on the device: CUDA-graph replays over inputs that no cache holds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import torch

SHORT_MS = 15.0  # a window short enough that the chip keeps its clock
SUSTAINED_MS = 1000.0  # one long enough that the power limit shows


class Replay:
    """Calls captured one after another in one CUDA graph."""

    def __init__(self, calls: Sequence[Callable[[], Any]], counted: int | None = None) -> None:
        """counted: over how many calls the time is shared out; all of them if it is None."""
        self.calls = len(calls) if counted is None else counted
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for call in calls:  # compiles, and allocates what it allocates once
                call()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            for call in calls:
                call()
        self._graph.replay()
        torch.cuda.synchronize()

    def window(self, milliseconds: float) -> float:
        """Microseconds a call, the mean over a window of about that length."""
        once = self._timed(1)
        replays = max(round(milliseconds * 1e3 / once), 1)
        return self._timed(replays) / (replays * self.calls)

    def short(self, windows: int = 3) -> float:
        """Microseconds a call: the median of short windows."""
        return statistics.median(self.window(SHORT_MS) for _ in range(windows))

    def sustained(self) -> float:
        """Microseconds a call in one long window."""
        return self.window(SUSTAINED_MS)

    def _timed(self, replays: int) -> float:
        """Microseconds for that many replays."""
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # as above
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # as above
        start.record()
        for _ in range(replays):
            self._graph.replay()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) * 1e3
