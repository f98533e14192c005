"""The work list covers every key once; choices fit the chip and are read back as written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.prefix_tree_attention.bench.cases import DEEP, RAGGED, UNIFORM, Case
from kernels.prefix_tree_attention.candidates import Chip, candidates, modelled_us
from kernels.prefix_tree_attention.choice import Choice, Parts, Stream
from kernels.prefix_tree_attention.choose import TUNED, choice_of, explained, fields_of, table
from kernels.prefix_tree_attention.work import plan_balanced
from kernels.prefix_tree_attention.workload import Workload
from tests.decode_cases import inputs

HOPPER = Chip(132, 3.1e6, 7.8e8, True, 227 << 10)
AMPERE = Chip(84, 0.9e6, 1.2e8, False, 99 << 10)
CASES = [*RAGGED, *DEEP, *UNIFORM]


@settings(max_examples=60, deadline=None)
@given(
    kv_heads=st.integers(1, 3), share=st.integers(1, 7), rows=st.integers(1, 40),
    tile=st.sampled_from([16, 64]), programs=st.integers(1, 20), seed=st.integers(0, 2**31),
)  # fmt: skip
def test_every_key_is_in_one_item(
    kv_heads: int, share: int, rows: int, tile: int, programs: int, seed: int
) -> None:
    x = inputs(seed, rows=rows, heads=kv_heads, kv_heads=kv_heads, dim=16, longest=300)
    work = plan_balanced(x.segments, x.branches, rows, kv_heads, share, tile, 16, programs, 32)
    slots = 1 + max((s.start + s.length for s in x.segments), default=0)
    seen = np.zeros((rows, kv_heads * share, slots), int)
    columns = np.zeros((rows, kv_heads * share, max(work.columns, 1)), int)
    for slot, length, entry, below, first, column, _, group in work.items.tolist():
        for pair in range(first, min(first + tile, below * share)):
            row, head = work.row_list[entry + pair // share], group * share + pair % share
            seen[row, head, slot : slot + length] += 1
            columns[row, head, column] += 1
    wanted = np.zeros((rows, slots), int)
    for branch in x.branches:
        for index in branch.segments:
            segment = x.segments[index]
            wanted[branch.rows, segment.start : segment.start + segment.length] = 1
    assert (seen == wanted[:, None]).all()
    expected = np.arange(columns.shape[2])[None, :] < work.depths[:, None]
    assert (columns == expected[:, None]).all()


def test_choices_are_read_back_as_written() -> None:
    for choice in (Parts(tile=16, wide=True, programs=0.5), Stream(members=5, block=32)):
        assert choice_of(fields_of(choice)) == choice


def test_the_table_holds_for_what_it_was_measured_on_and_near_it() -> None:
    assert len(table()) >= 40
    for work, choice in table():
        assert explained(work, HOPPER) == (choice, "tuned, 0.0 doublings away")
    work, choice = table()[0]
    more = replace(work, rows=work.rows + work.rows // 4, stored=work.stored + work.stored // 4)
    assert explained(more, HOPPER)[1].startswith("tuned, 0.")
    assert explained(replace(work, dim=64), HOPPER)[1].startswith("model")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_other_chips_get_what_they_can_run(case: Case) -> None:
    choice, origin = explained(case.workload, AMPERE)
    assert origin.startswith("model")
    if isinstance(choice, Parts):
        assert not choice.wide
        assert 2 * choice.stages * choice.block * case.dim * 2 < AMPERE.shared_bytes


def test_the_model_comes_near_what_was_measured() -> None:
    """The table was measured on the chip that HOPPER describes. The model counts no launches, which
    are a third of the shortest steps."""
    for path in TUNED.glob("*H100*.json"):
        for entry in json.loads(path.read_text())["entries"]:
            us = modelled_us(choice_of(entry["choice"]), Workload(**entry["workload"]), HOPPER)
            assert 0.65 < us / entry["us"] < 1.4, entry["case"]


def test_the_model_prefers_the_stream_only_where_prefixes_are_short() -> None:
    short = next(case for case in RAGGED if case.name == "32/8 64x128").workload
    assert isinstance(min(candidates(short, HOPPER), key=cost_of(short)), Stream)
    for prefix in (2048, 8192):
        longer = replace(short, prefix=prefix, stored=64 * prefix)
        assert isinstance(min(candidates(longer, HOPPER), key=cost_of(longer)), Parts)


def cost_of(work: Workload) -> Callable[[Choice], float]:
    return lambda choice: modelled_us(choice, work, HOPPER)
