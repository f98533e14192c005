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


def decode_work(
    lengths: NDArray[np.int64],
    prompts: NDArray[np.int64],
    headers: NDArray[np.int64],
    group: NDArray[np.int64],
    max_rows: int,
) -> Work:
    """Work of decoding every sample in `max_rows` slots.

    lengths: [P, k] decode steps of each sample; prompts: [P] own tokens of each prompt; headers:
    [G] tokens of each few-shot header; group: [P] the header of each problem. At every step a
    sequence reads its own tokens, and each prompt and each header with a live sequence below it is
    read once, as the prefix tree stores them.
    """
    problems = len(lengths)
    live: list[tuple[int, int, int]] = []  # (ends at step, started at step, problem)
    of_problem, of_group = [0] * problems, [0] * len(headers)  # live sequences, live problems
    queue = ((row, int(length)) for row in range(problems) for length in lengths[row] if length > 0)
    own, top, above = prompts.tolist(), headers.tolist(), group.tolist()
    now = started = prefix = (
        0  # `started`: sum of the live sequences' first steps; `prefix`: shared
    )
    steps = rows = kv = 0
    waiting = next(queue, None)
    while live or waiting is not None:
        while waiting is not None and len(live) < max_rows:
            row, length = waiting
            heapq.heappush(live, (now + length, now, row))
            started += now
            if not of_problem[row]:
                prefix += own[row]
                if not of_group[above[row]]:
                    prefix += top[above[row]]
                of_group[above[row]] += 1
            of_problem[row] += 1
            waiting = next(queue, None)
        until = live[0][0]
        span, count = until - now, len(live)
        # At step t (now <= t < until) a sequence begun at s holds t - s + 1 tokens of its own.
        own_tokens = span * (count * (1 + now) - started) + count * span * (span - 1) // 2
        kv += own_tokens + span * prefix
        steps += span
        rows += span * count
        now = until
        while live and live[0][0] == now:
            _, began, row = heapq.heappop(live)
            started -= began
            of_problem[row] -= 1
            if not of_problem[row]:
                prefix -= own[row]
                of_group[above[row]] -= 1
                if not of_group[above[row]]:
                    prefix -= top[above[row]]
    return Work(steps, rows, kv)
