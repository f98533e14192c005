"""Quantiles of Student's t distribution."""

from __future__ import annotations

import math
from functools import lru_cache

_HALVINGS = 64  # of the bracket; far below the resolution of a float


@lru_cache(maxsize=256)
def quantile(confidence: float, freedom: int) -> float:
    """t with P(|T| <= t) = confidence for `freedom` >= 1 degrees of freedom.

    By bisection on the finite series for whole degrees of freedom (Abramowitz and Stegun 1964,
    26.7.3 and 26.7.4).
    """
    if freedom < 1 or not 0.0 < confidence < 1.0:
        raise ValueError(f"no t quantile for {confidence} and {freedom} degrees of freedom")
    low, high = 0.0, math.pi / 2.0  # of the angle atan(t / sqrt(freedom)): it is bounded
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if _inside(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.tan((low + high) / 2.0) * math.sqrt(freedom)


def _inside(angle: float, freedom: int) -> float:
    """P(|T| <= tan(angle) * sqrt(freedom))."""
    sine, cosine = math.sin(angle), math.cos(angle)
    term = cosine if freedom % 2 else 1.0
    total = term if freedom > 1 else 0.0
    for j in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= cosine * cosine * (j - 1) / j
        total += term
    return 2.0 / math.pi * (angle + sine * total) if freedom % 2 else sine * total
