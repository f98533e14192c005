"""The prompt's own examples: how many of them a candidate gets right, then log-probability.

    score(y) = #{documented calls x -> v in the prompt : y(x) = v}

Ties go to the larger mean log-probability; what ties there too stays a tie. Source: filtering by
the example tests of the problem statement, as in Li et al. 2022, "Competition-Level Code Generation
with AlphaCode" (arXiv 2203.07814), section 4.4.

Documented examples are often hidden tests too, and this ranker is then close to the oracle: the
report says how many are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers import mean_logprob
from pipeline.rankers._order import then
from pipeline.rankers._outputs import observe
from pipeline.rankers._samples import Samples
from pipeline.rankers._tools import Tools

NEEDS = ("executor",)


def score(samples: Samples, tools: Tools) -> NDArray[np.float64]:
    """[S] examples passed, and below the point the order by log-probability."""
    passed = observe(samples, tools).passed
    likely = samples.best(mean_logprob.score(samples))
    return then(samples.problem, passed, likely)[samples.program]
