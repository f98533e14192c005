"""Prints how rankers of one run differ in pass@1, by problem: the figures of docs/rankers.md.

    python tools/ranker_pairs.py RUN mbr_exec mean_logprob random

Each is held against the next: mean difference in points, 95 % bootstrap interval over problems, and
the problems won and lost, by dataset.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

RESAMPLES = 4000


def main(run: Path, *rankers: str) -> None:
    problems = json.loads((run / "report" / "metrics.json").read_text())["per_problem"]
    for dataset in sorted({problem["dataset"] for problem in problems}):
        rng = np.random.default_rng(0)
        scores = [p["ranking"] for p in problems if p["dataset"] == dataset]
        for a, b in pairwise(rankers):
            gain = 100 * np.array([s[f"{a} pass@1"] - s[f"{b} pass@1"] for s in scores])
            low, high = np.quantile(
                rng.choice(gain, (RESAMPLES, len(gain))).mean(axis=1), [0.025, 0.975]
            )
            print(
                f"{dataset}: {a} over {b}: {gain.mean():+.1f} ({low:.1f} to {high:.1f}), "
                f"won {(gain > 0).sum()}, lost {(gain < 0).sum()} of {len(gain)}"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
