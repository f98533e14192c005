"""Simulated schedule against step-by-step counting; the device-time model against known laws."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.cost_model import CostModel, fit, nonnegative_least_squares
from reports.schedule import Prefixes, Work, decode_work


def count_steps(
    lengths: np.ndarray, prefixes: Prefixes, max_rows: int, tile: int | None
) -> tuple[int, int, int]:
    """One step after another, every token looked at by itself."""
    queue = [(i, int(left)) for i, row in enumerate(lengths) for left in row if left > 0]
    live: list[list[int]] = []
    steps = rows = kv = 0
    while queue or live:
        while queue and len(live) < max_rows:
            problem, left = queue.pop(0)
            live.append([problem, left, 0])
        ordered = sorted(live, key=lambda row: row[0])
        height = tile or max_rows
        for start in range(0, len(ordered), height):
            part = ordered[start : start + height]
            problems = {row[0] for row in part}
            kv += sum(row[2] + 1 for row in part)
            kv += sum(prefixes.prompts[i] for i in problems)
            kv += sum(prefixes.headers[g] for g in {prefixes.group[i] for i in problems})
            rows += len(part)
            steps += 1
        for row in live:
            row[1] -= 1
            row[2] += 1
        live = [row for row in live if row[1]]
    return steps, rows, kv


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_schedule_counts_what_a_loop_over_steps_counts(data: st.DataObject) -> None:
    problems, k = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 5))
    lengths = np.array(
        data.draw(
            st.lists(
                st.lists(st.integers(0, 9), min_size=k, max_size=k),
                min_size=problems,
                max_size=problems,
            )
        )
    )
    groups = sorted(data.draw(st.lists(st.integers(0, 1), min_size=problems, max_size=problems)))
    prompts = data.draw(st.lists(st.integers(1, 50), min_size=problems, max_size=problems))
    prefixes = Prefixes(prompts, [7, 11], groups)
    max_rows = data.draw(st.integers(1, 8))
    tile = data.draw(st.none() | st.integers(1, 8))
    work = decode_work(lengths, prefixes, max_rows, tile)
    assert (work.steps, work.rows, work.kv_tokens) == count_steps(lengths, prefixes, max_rows, tile)


def test_time_at_a_tenth_of_the_samples_is_not_a_tenth_of_the_time() -> None:
    """Why nothing is scaled: fewer samples leave slots empty, and prompts are read all the same."""
    lengths = np.full((4, 20), 50)
    prefixes = Prefixes([100] * 4, [0], [0] * 4)
    all_of_them, few = (decode_work(lengths[:, :k], prefixes, 64) for k in (20, 2))
    assert few.rows * 10 == all_of_them.rows
    assert few.steps * 10 > 4 * all_of_them.steps


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000))
def test_least_squares_is_the_best_of_all_nonnegative_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    w = nonnegative_least_squares(x, y)
    assert (w >= 0).all()
    # The conditions of Karush, Kuhn and Tucker, which are sufficient here.
    gradient = x.T @ (x @ w - y)
    assert (gradient >= -1e-9).all()
    assert abs(gradient @ w) < 1e-9


def steps_table(
    count: int, noise: float, law: tuple[float, float, float] = (2e-3, 4e-5, 2e-7), **fixed: Any
) -> pa.Table:
    rng = np.random.default_rng(5)
    rows = []
    for index in range(count):
        steps = int(rng.integers(10, 64))
        width = int(rng.integers(steps, 64 * steps))
        kv = int(rng.integers(100, 3000)) * steps
        seconds = law[0] * steps + law[1] * width + law[2] * kv
        rows.append(
            {
                "session": "a",
                "index": index,
                "kind": "decode",
                "steps": steps,
                "rows": width,
                "kv_tokens": kv,
                "device": "cpu",
                "m_seconds": seconds * float(rng.lognormal(0, noise)),
                **fixed,
            }
        )
    return pa.Table.from_pylist(rows)


@pytest.mark.parametrize(
    "law", [law for law in product((0.0, 2e-3), (0.0, 4e-5), (0.0, 2e-7)) if any(law)]
)
def test_the_fit_finds_the_law(law: tuple[float, float, float]) -> None:
    model = fit(steps_table(60, 0.0, law), "decode")
    assert isinstance(model, CostModel)
    assert model.coefficients == pytest.approx(law, rel=1e-6, abs=1e-12)
    assert model.mape < 1e-9
    assert model.seconds(Work(10, 100, 1000)) == pytest.approx(
        10 * law[0] + 100 * law[1] + 1000 * law[2]
    )


def test_the_fit_reports_its_error_on_stretches_it_did_not_see() -> None:
    model = fit(steps_table(400, 0.1), "decode")
    assert isinstance(model, CostModel)
    assert model.stretches == 400
    assert model.mape == pytest.approx(0.08, abs=0.02)  # of a lognormal with sigma 0.1
    assert 0.8 < model.r2 < 1.0


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (steps_table(5, 0.0), "5 timed decode stretches"),
        (steps_table(100, 0.8), "misses held-out decode stretches"),
        (steps_table(100, 0.0, kind="prefill"), "0 timed decode stretches"),
        (steps_table(100, 0.0, m_seconds=0.0), "only 0 decode stretches took"),
        (
            pa.concat_tables([steps_table(50, 0.0), steps_table(50, 0.0, device="cuda:0")]),
            "several devices",
        ),
    ],
)
def test_no_model_is_made_of_poor_timings(steps: pa.Table, reason: str) -> None:
    found = fit(steps, "decode")
    assert isinstance(found, str)
    assert reason in found
