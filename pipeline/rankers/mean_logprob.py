"""Mean log-probability of the kept tokens.

    score(y) = (1 / |y|) * sum_t log p(y_t | prompt, y_<t)        (nats a token)

over the tokens that truncation kept. Source: Chen et al. 2021, "Evaluating Large Language Models
Trained on Code" (arXiv 2107.03374), section 3.3, which found it to order samples better than the
sum, since the sum favours short programs.

An empty completion has no token to average: -inf, ranked last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers._samples import Samples


def score(samples: Samples) -> NDArray[np.float64]:
    """[S] nats a token; nan without log-probabilities."""
    mean = samples.logprob_sum / np.maximum(samples.kept, 1)
    return np.where((samples.kept == 0) & ~np.isnan(samples.logprob_sum), -np.inf, mean)
