"""Old run directories go by rule; a baseline never does, nor what the history knows of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_nights import Nights

PASS = {"metric": "pass@1", "cells": "mini", "fall": "noise"}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path)


def kept(nights: Nights) -> list[int]:
    """Nights that have a run directory."""
    return sorted({int(path.parent.name) for path in (nights.place / "runs").glob("*/*")})


def test_a_run_is_kept_while_any_rule_keeps_it(nights: Nights) -> None:
    nights.write(keep={"nights": 2, "days": 0})
    for _ in range(4):
        nights.run()
    assert kept(nights) == [3, 4]
    nights.write(keep={"nights": 1, "days": 3.5})
    for _ in range(2):
        nights.run()
    assert kept(nights) == [3, 4, 5, 6]
    assert not (nights.place / ".trash").exists()
    with nights.history() as history:
        assert len(history.figures(1)) == 2  # figures stay, and so does what gates pair with
        assert sum(history.counts(1, "replayed/mini/python/t0.8", "").judged) == 80
    assert [row.run for row in nights.cells(1)] == ["", ""]


def test_the_baseline_stays_however_old_it_is(nights: Nights) -> None:
    nights.write(keep={"nights": 1, "days": 0}, gates=[PASS])
    nights.run(0.8, seed=1)
    for seed in range(2, 5):
        assert nights.run(0.2, seed=seed) == 1
    assert kept(nights) == [1, 4]
    nights.write(keep={"nights": 1, "days": 0}, gates=[], baseline={"rule": "median", "last": 2})
    for _ in range(3):
        nights.run(0.8)
    assert kept(nights) == [5, 6, 7]  # tonight's, and the two that the next median is taken of


def test_a_fixed_baseline_inside_is_not_pruned(nights: Nights) -> None:
    nights.run()
    fixed = nights.place / nights.cells(1)[0].run
    nights.write(keep={"nights": 1, "days": 0}, baseline={"rule": "run", "run": str(fixed)})
    nights.run()
    nights.run()
    assert fixed.is_dir()
    assert kept(nights) == [1, 3]


def test_what_a_killed_night_left_half_removed_goes(nights: Nights) -> None:
    nights.run()
    trash = nights.place / ".trash"
    (trash / "runs-00000-x").mkdir(parents=True)
    nights.run()
    assert not trash.exists()
