"""Which graphs a run has captured before its first sample, and over which trees.

Which heights pay is decided as that of a new plan is: a height that would make a step hardly
shorter than the next one above it is left out, since its graph costs more than it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from pipeline.engine.planning import RowsOfPath

WORTH = 1 / 8  # of a step that a lower height saves at least


@dataclass(slots=True)
class Graphs:
    """Captures of graphs, counted for the record."""

    ahead: int = 0  # before a session's first sample
    late: int = 0  # while it was drawing
    ahead_seconds: float = 0.0  # by the clock


@dataclass(frozen=True, slots=True)
class Asked:
    """A prompt whose samples are still to be drawn."""

    runs: tuple[tuple[int, int], ...]  # as in `planning.RowsOfPath`
    samples: int


@dataclass(frozen=True, slots=True)
class Trees:
    """What steps of one height may attend to."""

    height: int
    usual: list[RowsOfPath]  # what kernels are chosen for
    extremes: tuple[list[RowsOfPath], list[RowsOfPath]]  # what plans have room for


def heights(most: int) -> list[int]:
    """Heights of steps up to `most` rows: powers of two and, from 8 on, three quarters of them."""
    steps = [1, 2, 4]
    size = 8
    while steps[-1] < most:
        steps += [size, size * 3 // 2]
        size *= 2
    return [height for height in steps if height < most] + [most]


def worthwhile(known: Sequence[int], rows: int, free_rows: float) -> list[int]:
    """The heights that pay in a run of at most `rows` rows, the largest first.

    known: heights, ascending, the last at least `rows`; free_rows: rows that a step takes in the
    time in which it reads the weights.
    """
    chosen = [next(height for height in known if height >= rows)]
    for height in reversed(known):
        if chosen[-1] - height >= WORTH * (chosen[-1] + free_rows):
            chosen.append(height)
    return chosen


def trees(chosen: Sequence[int], asked: Sequence[Asked]) -> list[Trees]:
    """For each height: at first its rows are of few prompts, one after another; when a run ends,
    they are the last ones of as many prompts as the largest height had. chosen: the largest first;
    asked: in the order in which samples are drawn; the extremes are of those with most to read."""
    longest = sorted(asked, key=_length, reverse=True)
    samples = np.cumsum([prompt.samples for prompt in asked])

    def prompts(rows: int) -> int:
        return min(int(np.searchsorted(samples, rows)) + 1, len(asked))

    widest = prompts(chosen[0])
    found = []
    for height in chosen:
        few, many = prompts(height), min(widest, height)
        between = round(sqrt(few * many))
        extremes = _even(height, longest[:few]), _even(height, longest[:many])
        found.append(Trees(height, _even(height, asked[:between]), extremes))
    return found


def _length(prompt: Asked) -> tuple[int, int]:
    return sum(tokens for _, tokens in prompt.runs), len(prompt.runs)


def _even(height: int, asked: Sequence[Asked]) -> list[RowsOfPath]:
    nothing = np.zeros(0, np.int64)
    parts = np.array_split(np.arange(height), len(asked))
    return [RowsOfPath(rows, nothing, p.runs) for rows, p in zip(parts, asked, strict=True)]
