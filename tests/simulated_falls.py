"""Pairs of runs whose difference is known, and how often it is seen: `python -m
tests.simulated_falls` prints the tables of docs/compare.md and docs/nightly.md.
"""

from __future__ import annotations

import numpy as np

from pipeline.nightly.gates import LEVEL
from reports import fixed_problems
from reports.differences import sign_flip
from reports.intervals import stream
from reports.passk import pass_at_k

SIMULATIONS = 1000


def fall(
    problems: int, points: float, n: int, k: int, spread: float, seed: int
) -> tuple[np.ndarray, float]:
    """[problems, SIMULATIONS] differences of pass@k between two runs, and the population's own.

    As `passes` draws them.
    """
    first, second, truth = passes(problems, points, n, k, spread, seed)
    return pass_at_k(n, second, k) - pass_at_k(n, first, k), truth


def passes(
    problems: int, points: float, n: int, k: int, spread: float, seed: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """[problems, SIMULATIONS] passes of both runs, and the population's difference of pass@k.

    The second run's chances are the first's with the logit moved by a constant that makes pass@1
    fall by `points`, and by a normal of standard deviation `spread` that differs by problem.
    """
    rng = np.random.default_rng(seed)

    def logits(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        p = np.clip(rng.beta(0.6, 1.1, shape), 1e-9, 1 - 1e-9)
        return np.log(p / (1 - p)), rng.normal(0.0, spread, shape)

    def chances(logit: np.ndarray) -> np.ndarray:
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    logit, noise = logits((400_000,))
    low, high = 0.0, 10.0
    for _ in range(40):
        move = (low + high) / 2
        fell = chances(logit).mean() - chances(logit + noise - move).mean()
        low, high = (move, high) if fell < points else (low, move)
    move = low if points else 0.0
    truth = float(
        np.mean((1 - chances(logit)) ** k) - np.mean((1 - chances(logit + noise - move)) ** k)
    )
    logit, noise = logits((problems, SIMULATIONS))
    first = rng.binomial(n, chances(logit))
    second = rng.binomial(n, chances(logit + noise - move))
    return first, second, truth


def main() -> None:
    families = (1, 3, 5, 20, 50)
    spreads = (0.0, 0.5, 1.0, 1.5)
    print(f"compare:\n| spread | {' | '.join(map(str, families))} |")
    for spread in spreads:
        differences, _ = fall(164, 0.05, 20, 1, spread, seed=7)
        p = sign_flip(differences, np.arange(164), stream(0, "power"))
        fell = differences.mean(axis=0) < 0
        caught = [f"{np.mean((count * p < 0.05) & fell):.1%}" for count in families]
        print(f"| {spread} | {' | '.join(caught)} |")
    print(f"nightly:\n| spread | {' | '.join(map(str, families))} |")
    for spread in spreads:
        first, second, _ = passes(164, 0.05, 20, 1, spread, seed=7)
        p = fixed_problems.fell((20, 20), first, second)
        print(f"| {spread} | {' | '.join(f'{np.mean(c * p < LEVEL):.1%}' for c in families)} |")


if __name__ == "__main__":
    main()
