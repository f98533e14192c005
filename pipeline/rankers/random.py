"""Random order: every program scores the same.

    score(y) = 0

Equal scores are ties, and ties count as the expectation over uniformly random tie-breaking. So no
random number is drawn here: pass@1 after this ranking is exactly the mean, over the *distinct*
programs of a problem, of whether one passes. It is the floor under every other ranker.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers._samples import Samples


def score(samples: Samples) -> NDArray[np.float64]:
    """[S] zeros."""
    return np.zeros(samples.count)
