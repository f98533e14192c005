"""Self-consistency by execution: the largest cluster of candidates with equal outputs.

    score(y) = #{samples y' of the problem, y among them : o(y') = o(y)}

where o(y) is the vector of values that y gives on the problem's public inputs; 0 where it gives
none. The programs of a cluster are ties. Source: Wang et al. 2022, "Self-Consistency Improves Chain
of Thought Reasoning" (arXiv 2203.11171), with outputs of programs in the place of answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.rankers._agreement import Agreed
from pipeline.rankers._outputs import cluster_sizes, observe
from pipeline.rankers._samples import Samples
from pipeline.rankers._tools import Tools

NEEDS = ("executor",)


def score(samples: Samples, tools: Tools) -> NDArray[np.float64]:
    """[S] samples in the candidate's cluster."""
    return cluster_sizes(samples, observe(samples, tools)).astype(np.float64)[samples.program]


def agreed(samples: Samples, tools: Tools) -> Agreed:
    vector = observe(samples, tools).vector
    return Agreed(vector, np.ones_like(vector), np.zeros(samples.programs))
