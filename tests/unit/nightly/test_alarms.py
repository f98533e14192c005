"""How often a night alarms without a cause, and how often it sees one: simulated, 164 problems."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_falls import passes

from pipeline.nightly.gates import LEVEL
from reports.fixed_problems import fell

PROBLEMS = 164


@pytest.mark.parametrize(("n", "gates"), [(20, 1), (20, 10), (1, 3)])
def test_without_a_change_at_most_one_night_in_twenty_alarms(n: int, gates: int) -> None:
    """Each cell is held against its last accepted night, over many nights: a night that is high by
    chance stays the baseline for longer, and it all counts.
    """
    rng = np.random.default_rng(gates)
    histories, nights = 1000 // gates, 25
    chances = np.repeat(rng.beta(0.6, 1.1, (PROBLEMS, gates)), histories, axis=1)
    baseline = rng.binomial(n, chances)
    alarms, counted = 0, 0
    for night in range(nights):
        tonight = rng.binomial(n, chances)
        p = fell((n, n), baseline, tonight).reshape(gates, histories)
        failed = holm_fails(p)
        if night >= 5:  # in its stride
            alarms += int(failed.any(axis=0).sum())
            counted += histories
        baseline = np.where(failed.reshape(-1), baseline, tonight)
    rate = alarms / counted
    # Nights of one history hang together, so the simulation's own error is a little larger.
    assert rate <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / (counted / 1.5)), rate


def holm_fails(p: np.ndarray) -> np.ndarray:
    """[gates, nights] which gates fail, by Holm's steps, for many nights at once."""
    count = len(p)
    order = np.argsort(p, axis=0)
    ordered = np.take_along_axis(p, order, axis=0) * (count - np.arange(count))[:, None]
    failed = np.maximum.accumulate(ordered, axis=0) < LEVEL
    out = np.zeros_like(failed)
    np.put_along_axis(out, order, failed, axis=0)
    return out


@pytest.mark.parametrize(
    ("spread", "gates", "least"), [(0.0, 50, 0.9), (0.5, 50, 0.9), (1.0, 50, 0.8), (1.5, 20, 0.8)]
)
def test_a_fall_of_five_points_is_caught(spread: float, gates: int, least: float) -> None:
    """n = 20, by how many gates the night has; spread: how unevenly it falls on the problems."""
    first, second, truth = passes(PROBLEMS, 0.05, 20, 1, spread, seed=7)
    assert truth == pytest.approx(-0.05, abs=2e-3)
    caught = np.mean(gates * fell((20, 20), first, second) < LEVEL)  # Holm's hardest step
    assert caught >= least
