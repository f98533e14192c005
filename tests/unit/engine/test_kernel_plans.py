"""Paths as runs of slots become the tree that the kernels plan with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from kernels.prefix_tree_attention import Segment
from kernels.prefix_tree_attention.candidates import Chip
from kernels.prefix_tree_attention.workload import Workload
from pipeline.engine import decoding
from pipeline.engine.kernel_plans import Chooser, chip_for, tree_of
from pipeline.engine.planning import RowsOfPath
from tests.unit.engine.helpers import completer, request


def test_runs_that_two_paths_share_are_one_segment() -> None:
    none = np.zeros(0, np.int64)
    rows = [np.array(r, np.int64) for r in ([0, 1], [2], [3, 4])]
    paths = [
        RowsOfPath(rows[0], none, ((100, 7), (40, 3))),
        RowsOfPath(rows[1], none, ((100, 7), (60, 5))),
        RowsOfPath(rows[2], none, ((100, 7),)),
    ]
    segments, branches = tree_of(paths)
    assert segments == [Segment(100, 7, 0), Segment(40, 3, 7), Segment(60, 5, 7)]
    assert [b.segments for b in branches] == [(0, 1), (0, 2), (0,)]
    for branch, expected in zip(branches, rows, strict=True):
        assert (branch.rows == expected).all()


def test_a_cpu_keeps_the_reference() -> None:
    assert chip_for(torch.device("cpu"), 16) is None


def test_a_workload_near_an_earlier_one_keeps_its_choice() -> None:
    """Whatever the table or the model says of it: a choice that changes has kernels compiled."""
    chooser = Chooser(Chip(132, 3.1e6, 7.8e8, False, 227 << 10))
    first = Workload(8, 4, 64, 256, 300, 3000, 64)
    choice = chooser.choice(first)
    for rows in range(200, 330, 7):
        assert chooser.choice(replace(first, rows=rows)) == choice
    far = replace(first, rows=16, prefix=20_000, stored=20_000)
    assert chooser.choice(far) != choice
    assert chooser.choice(first) == choice


@pytest.mark.parametrize("family", ["starcoder2", "qwen2-window", "qwen3", "llama"])
def test_the_engine_draws_the_same_tokens_with_the_kernels(
    family: str, checkpoint: Callable[[str], tuple[Path, Any]]
) -> None:
    """By Triton's interpreter: windows in all layers, in some, in none; norms of heads."""
    folder, _ = checkpoint(family)
    header = "def add(a, b):\n    return a + b\n" * 3
    requests = [request("a", header + "class", 2), request("b", header + "print(", 3)]

    def tokens(chip: Chip | None) -> dict[tuple[str, int], list[int]]:
        made = completer(folder, sampling={"max_new_tokens": 6}, deterministic=False)
        with mock.patch.object(decoding, "chip_for", return_value=chip):
            done = [c.candidate for c in made.complete(requests)]
        return {(c.task_id, c.sample_index): list(c.token_ids) for c in done}

    assert tokens(Chip(2, 1e6, 1e8, False, 99 << 10)) == tokens(None)
