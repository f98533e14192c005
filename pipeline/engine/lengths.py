"""Lengths at which samples end whatever they hold: for benchmarks of speed with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pipeline.config import SamplingConfig
from pipeline.engine.philox import stream
from pipeline.records import ProblemKey


class Limits(Protocol):
    """How many tokens a sample has at most."""

    def of(self, problem: ProblemKey, sample_index: int) -> int:
        """Tokens at which it ends if no stop string and no end of text has ended it before."""


@dataclass(frozen=True, slots=True)
class Unlimited:
    """No sample ends by its length but for `sampling.max_new_tokens`, which the scheduler knows."""

    max_new_tokens: int

    def of(self, problem: ProblemKey, sample_index: int) -> int:
        return self.max_new_tokens + 1


@dataclass(frozen=True, slots=True)
class LengthDraw:
    """Uniform over shortest..longest, by a random stream of each sample's own.

    The scheduler is not told, as it knows no end of a real sample in advance.
    """

    shortest: int
    longest: int
    seed: int

    def of(self, problem: ProblemKey, sample_index: int) -> int:
        word = stream(self.seed, problem, sample_index, "length", 0)[0]
        return self.shortest + (word * (self.longest - self.shortest + 1) >> 32)


def limits(sampling: SamplingConfig) -> Limits:
    if sampling.length_draw is None:
        return Unlimited(sampling.max_new_tokens)
    return LengthDraw(*sampling.length_draw, sampling.seed)
