"""From values to pixels, and the round values that an axis names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values to pixels, linearly or by logarithm."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (
            (math.log(x) for x in (self.low, self.high, value))
            if self.log
            else (self.low, self.high, value)
        )
        share = (value - low) / (high - low) if high > low else 0.5
        return round(self.start + share * (self.stop - self.start), 2)

    def ticks(self, apart: float) -> list[float]:
        """Round values within the scale, at least `apart` pixels from each other."""
        if not self.log:
            step = round_step((self.high - self.low) * apart / abs(self.stop - self.start))
            first = math.ceil(self.low / step - 1e-9)
            return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found: list[float] = []
        for digits in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
            found = [d * 10.0**p for p in powers for d in digits]
            found = [v for v in found if self.low * 0.999 <= v <= self.high * 1.001]
            gaps = [abs(self.at(b) - self.at(a)) for a, b in pairwise(found)]
            if len(found) > 1 and min(gaps) >= apart:
                return found
        if not gaps:
            return self._even(apart)
        width = sum(gaps) / len(gaps)
        return found[:: math.ceil(apart / width)] if width else found

    def _even(self, apart: float) -> list[float]:
        """Ticks in equal steps, for a logarithmic scale too short for digits and their powers."""
        even = Scale(self.low, self.high, self.start, self.stop)
        for factor in (1, 1.5, 2, 3, 4):  # they crowd towards the end
            found = even.ticks(apart * factor)
            if all(abs(self.at(b) - self.at(a)) >= apart for a, b in pairwise(found)):
                break
        return found


def round_step(raw: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 else 1.0
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
