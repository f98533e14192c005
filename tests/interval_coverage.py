"""How often the intervals of several methods hold the truth: `python -m tests.interval_coverage`.

Prints the tables of docs/compare.md: coverage in percent and mean width in points over 4,000
simulated runs, for pass@1 of problems drawn anew and for the difference between two runs.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from reports import student
from reports.differences import paired_bootstrap
from reports.intervals import Estimate, over_problems, stream
from reports.passk import pass_at_k

SIMULATIONS, RESAMPLES = 4000, 1000
TAIL = 0.025
METHODS = ("percentile", "BCa", "bootstrap-t", "t", "Wilson", "bootstrap se, t")
CASES = [  # problems, a, b of the Beta population, n
    (164, 0.5, 1.2, 20),
    (164, 0.1, 3.0, 20),
    (164, 0.1, 3.0, 1),
    (20, 0.5, 1.2, 20),
    (20, 0.1, 3.0, 20),
    (20, 3.0, 0.2, 20),
    (20, 0.1, 3.0, 1),
]
Pair = tuple[np.ndarray, np.ndarray]


def bootstraps(values: np.ndarray, rng: np.random.Generator) -> dict[str, Pair]:
    """[SIMULATIONS] low and high ends of four methods; values: [problems, SIMULATIONS]."""
    count = len(values)
    weights = rng.multinomial(count, [1 / count] * count, size=RESAMPLES) / count
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) / count**0.5
    drawn = weights @ values
    # Efron 1987: bias and acceleration.
    normal = np.vectorize(NormalDist().cdf)
    below = ((drawn < mean).mean(axis=0) + (drawn <= mean).mean(axis=0)) / 2
    bias = np.vectorize(NormalDist().inv_cdf)(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    off = values - mean
    skew = (off**3).sum(axis=0) / np.maximum(6 * (off**2).sum(axis=0) ** 1.5, 1e-300)
    ordered, ends = np.sort(drawn, axis=0), []
    for z in (NormalDist().inv_cdf(TAIL), NormalDist().inv_cdf(1 - TAIL)):
        level = normal(bias + (bias + z) / (1 - skew * (bias + z)))
        at = np.clip((level * (RESAMPLES - 1)).round().astype(int), 0, RESAMPLES - 1)
        ends.append(ordered[at, np.arange(values.shape[1])])
    # Hall 1988: each resample by its own standard error.
    own = np.sqrt(np.maximum(weights @ values**2 - drawn**2, 0) / (count - 1))
    t = np.divide(drawn - mean, own, out=np.sign(drawn - mean) * 1e3, where=own > 1e-12)
    low, high = np.quantile(t, [TAIL, 1 - TAIL], axis=0)
    half = student.quantile(1 - 2 * TAIL, count - 1) * spread
    lower, upper = np.quantile(drawn, [TAIL, 1 - TAIL], axis=0)
    return {
        "percentile": (lower, upper),
        "BCa": (ends[0], ends[1]),
        "bootstrap-t": (mean - high * spread, mean - low * spread),
        "t": (mean - half, mean + half),
    }


def line(found: dict[str, Pair], truth: float, least: float) -> str:
    """Cells of a Markdown row."""
    cells = []
    for name in METHODS:
        if name not in found:
            cells.append("")
            continue
        low, high = found[name]
        held = np.mean((low <= truth + 1e-12) & (truth <= high + 1e-12))
        width = np.mean(np.minimum(high, 1.0) - np.maximum(low, least))
        cells.append(f"{100 * held:.1f} ({100 * width:.1f})")
    return " | ".join(cells)


def ends(found: list[Estimate]) -> Pair:
    return np.array([e.low for e in found]), np.array([e.high for e in found])


def main() -> None:
    print(f"| problems, n, pass@1 | {' | '.join(METHODS)} |")
    for kind in ("one run", "difference, nothing changed"):
        for problems, a, b, n in CASES:
            rng = np.random.default_rng(1)
            p = rng.beta(a, b, (problems, SIMULATIONS))
            values, truth, units = (
                pass_at_k(n, rng.binomial(n, p), 1),
                a / (a + b),
                np.arange(problems),
            )
            if kind == "one run":
                found = bootstraps(values, rng) | {"Wilson": ends(over_problems(values, units))}
                print(f"| {kind}: {problems}, {n}, {truth:.0%} | {line(found, truth, 0.0)} |")
            else:
                change = pass_at_k(n, rng.binomial(n, p), 1) - values
                own = ends(paired_bootstrap(change, units, stream(0, "table"), RESAMPLES))
                found = bootstraps(change, rng) | {"bootstrap se, t": own}
                print(f"| {kind}: {problems}, {n}, {truth:.0%} | {line(found, 0.0, -1.0)} |")


if __name__ == "__main__":
    main()
