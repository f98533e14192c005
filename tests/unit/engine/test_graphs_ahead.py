"""Which graphs are captured before a run's first sample."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from kernels.prefix_tree_attention.candidates import Chip
from pipeline.engine import decoding
from pipeline.engine.graphs_ahead import Asked, heights, trees, worthwhile
from pipeline.engine.kernel_plans import KernelPlans
from tests.unit.engine.helpers import completer, request


@pytest.mark.parametrize("most", [1, 3, 8, 100, 1024])
def test_heights_waste_little(most: int) -> None:
    steps = heights(most)
    assert steps == sorted(set(steps))
    assert steps[-1] == most
    for rows in range(1, most + 1):
        height = min(h for h in steps if h >= rows)
        assert height <= max(8, 1.5 * rows)


def test_a_small_run_has_few_graphs_and_a_large_one_all_that_shorten_its_steps() -> None:
    known = heights(2048)
    assert worthwhile(known, 1, 250) == [1]
    assert worthwhile(known, 60, 250) == [64, 24]
    large = worthwhile(known, 2048, 250)
    assert large[:4] == [2048, 1536, 1024, 768]
    for above, height in pairwise(large):
        assert (above - height) / (above + 250) >= 1 / 8


def test_trees_hold_each_height_and_reach_from_few_prompts_to_those_of_the_largest() -> None:
    asked = [Asked(((100 * i, 50),), 200) for i in range(20)]
    chosen = [2048, 256, 4, 1]
    for expected in trees(chosen, asked):
        few, many = (len(tree) for tree in expected.extremes)
        assert few == -(-expected.height // 200)
        assert many == min(11, expected.height)
        assert few <= len(expected.usual) <= many
        for tree in (expected.usual, *expected.extremes):
            rows = np.concatenate([path.rows for path in tree])
            assert rows.tolist() == list(range(expected.height))
            assert [path.runs for path in tree] == [prompt.runs for prompt in asked[: len(tree)]]


def test_a_run_takes_only_steps_that_it_prepared(
    checkpoint: Callable[[str], tuple[Path, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By Triton's interpreter, which captures nothing: but where plans are those made before the
    first sample, and none grows, graphs over them stay."""
    folder, _ = checkpoint("llama")
    prepared: set[KernelPlans] = set()
    taken: list[tuple[KernelPlans, bool]] = []
    reserve, update = KernelPlans.reserve, KernelPlans.update

    def noted(self: KernelPlans, *arguments: Any) -> None:
        assert not taken
        prepared.add(self)
        reserve(self, *arguments)

    def watched(self: KernelPlans, *arguments: Any) -> None:
        version = self.version
        update(self, *arguments)
        taken.append((self, self.version == version))

    monkeypatch.setattr(KernelPlans, "reserve", noted)
    monkeypatch.setattr(KernelPlans, "update", watched)
    made = completer(
        folder, sampling={"max_new_tokens": 10, "length_draw": (2, 10)}, deterministic=False,
        max_rows=8,
    )  # fmt: skip
    asked = [request(str(i), f"def f{i}(" + "a, " * i, 3) for i in range(4)]
    with mock.patch.object(decoding, "chip_for", return_value=Chip(2, 1e6, 1e6, False, 99 << 10)):
        assert len(list(made.complete(asked))) == 12
    assert len({plans for plans, _ in taken}) > 2  # of several heights
    assert all(plans in prepared and same for plans, same in taken)
