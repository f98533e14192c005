"""Minimum Bayes risk by execution: the candidate whose outputs most others agree with.

    score(y) = #{other samples y' of the problem : o(y') = o(y)}

where o(y) is the vector of values that y gives on the problem's public inputs. Ties go to the
larger sum of log-probabilities; what ties there too stays a tie. A candidate that gives no value on
any input scores -1, below one that nobody agrees with. Source: Shi et al. 2022, "Natural Language
to Code Translation with Execution" (arXiv 2204.11454), section 3, with the 0/1 loss on outputs.

Where a problem has no public input all candidates score 0, and log-probability alone decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers import sum_logprob
from pipeline.rankers._agreement import Agreed
from pipeline.rankers._order import then
from pipeline.rankers._outputs import cluster_sizes, observe
from pipeline.rankers._samples import Samples
from pipeline.rankers._tools import Tools

NEEDS = ("executor",)


def score(samples: Samples, tools: Tools) -> NDArray[np.float64]:
    """[S] agreeing samples, and below the point the order by log-probability."""
    agreeing = cluster_sizes(samples, observe(samples, tools)) - 1
    likely = samples.best(sum_logprob.score(samples))
    return then(samples.problem, agreeing, likely)[samples.program]


def agreed(samples: Samples, tools: Tools) -> Agreed:
    vector = observe(samples, tools).vector
    return Agreed(vector, np.ones_like(vector), samples.best(sum_logprob.score(samples)))
