"""Sum of the log-probabilities of the kept tokens.

    score(y) = sum_t log p(y_t | prompt, y_<t)        (nats)

over the tokens that truncation kept: the log-probability of the program itself. Source: Chen et al.
2021 (arXiv 2107.03374), section 3.3, where it is compared with the mean; it favours short programs.

By the formula an empty completion would score 0 and win every time. It has nothing to score, so it
is ranked last: -inf.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers._samples import Samples


def score(samples: Samples) -> NDArray[np.float64]:
    """[S] nats; nan without log-probabilities."""
    empty = (samples.kept == 0) & ~np.isnan(samples.logprob_sum)
    return np.where(empty, -np.inf, samples.logprob_sum)
