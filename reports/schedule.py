"""What decoding k samples of every problem asks of the device: continuous batching, simulated.

List scheduling: problems in the order of their table, the samples of one after another, each taking
the first slot that falls free. Only counts come out (forward passes, rows, cached tokens read);
the cost model turns them into seconds.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Work:
    """The features of an `EngineStep`."""

    steps: int
    rows: int
    kv_tokens: int


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The shared part of the prefix tree.

    prompts: [P] own tokens of each prompt; headers: [G] tokens of each few-shot header; group: [P]
    the header that a prompt begins with.
    """

    prompts: list[int]
    headers: list[int]
    group: list[int]

    def read(self, live: dict[int, int], tile: int) -> int:
        """Shared tokens that one step reads: a pass reads each segment above its rows once.

        live: rows of each problem. They are passed in the order of the problems, `tile` at a time.
        """
        tokens = at = 0
        header, header_pass = -1, -1  # the last header read, and in which pass
        for problem in sorted(live):
            first, last = at // tile, (at + live[problem] - 1) // tile
            at += live[problem]
            tokens += self.prompts[problem] * (last - first + 1)
            group = self.group[problem]
            again = group == header and first == header_pass
            tokens += self.headers[group] * (last - first + (0 if again else 1))
            header, header_pass = group, last
        return tokens


def decode_work(
    lengths: NDArray[np.int64], prefixes: Prefixes, max_rows: int, tile: int | None = None
) -> Work:
    """Work of decoding every sample in `max_rows` slots.

    lengths: [P, k] decode steps of each sample; tile: most rows of one forward pass, None for all.
    At every step a sequence reads its own tokens and every pass the shared ones above its rows.
    """
    height = tile or max_rows
    live: list[tuple[int, int, int]] = []  # (ends at step, started at step, problem)
    counts: dict[int, int] = {}  # live sequences of each problem
    queue = ((i, int(length)) for i, row in enumerate(lengths) for length in row if length > 0)
    now = started = 0  # `started`: sum of the live sequences' first steps
    steps = rows = kv = 0
    waiting = next(queue, None)
    while live or waiting is not None:
        while waiting is not None and len(live) < max_rows:
            problem, length = waiting
            heapq.heappush(live, (now + length, now, problem))
            started += now
            counts[problem] = counts.get(problem, 0) + 1
            waiting = next(queue, None)
        until = live[0][0]
        span, count = until - now, len(live)
        # At step t (now <= t < until) a sequence begun at s holds t - s + 1 tokens of its own.
        own = span * (count * (1 + now) - started) + count * span * (span - 1) // 2
        kv += own + span * prefixes.read(counts, height)
        steps += span * -(-count // height)
        rows += span * count
        now = until
        while live and live[0][0] == now:
            _, began, problem = heapq.heappop(live)
            started -= began
            counts[problem] -= 1
            if not counts[problem]:
                del counts[problem]
    return Work(steps, rows, kv)
