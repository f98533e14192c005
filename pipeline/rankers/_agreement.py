"""What rankers that count agreeing samples know of each program, apart from how many were drawn.

A ranker with `agreed(samples, tools)` orders programs by weight * samples in the program's cluster,
then by `then`. So a report can rank a part of the samples: the counts are then those of the part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Agreed:
    """By program of `Samples`."""

    cluster: NDArray[np.int64]  # equal within a problem for programs that agree; -1: with none
    weight: NDArray[np.int64]
    then: NDArray[np.float64]  # nan where it is undefined: no order
