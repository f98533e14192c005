"""The curves of a scope: what k samples of every problem cost, on each axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports import budgets
from reports.cost_model import FEATURES, MAX_ERROR, CostModel, fit
from reports.data import Rates, ReportInput
from reports.intervals import stream
from reports.ledger import (
    Costs,
    distinct_programs,
    flop_costs,
    header_groups,
    joules,
    rates,
    seconds_of,
    token_costs,
)
from reports.metrics import Column
from reports.schedule import Prefixes, Work, decode_work
from reports.scopes import Scope
from reports.tally import Tally

Floats = NDArray[np.float64]

BUDGETS = 32  # points of a curve at equal budgets
AXES = (
    "tokens_billed",
    "tokens_shared",
    "flops_billed",
    "flops_shared",
    "sandbox_seconds",
    "device_seconds",
    "joules",
    "money",
)
ROWS_OFF = 0.05  # of the timed rows may belong to other samples, or be lost
SIMULATED = 12  # k at which the schedule is simulated; seconds of the others are left out


def scaled(costs: Costs, rows: NDArray[np.int64], ks: Sequence[int], shared: bool) -> list[float]:
    """[ks] mean cost a problem; nan where nothing was counted."""
    spent = [costs.at(rows, k, shared) for k in ks]
    return spent if spent and spent[0] > 0 else [math.nan] * len(ks)


def axes(
    source: ReportInput, tally: Tally, scope: Scope, ks: Sequence[int], device: dict[str, Any]
) -> dict[str, list[float]]:
    """What k samples cost, a problem, by axis: [ks] each, nan where unknown.

    device: the answer of `device_seconds`; it is of the whole run, so it prices that scope alone.
    """
    rows = scope.rows
    if not len(rows):
        return {name: [math.nan] * len(ks) for name in AXES}
    tokens, flops = token_costs(tally), flop_costs(tally)
    found = {
        "tokens_billed": scaled(tokens, rows, ks, shared=False),
        "tokens_shared": scaled(tokens, rows, ks, shared=True),
        "flops_billed": scaled(flops, rows, ks, shared=False),
        "flops_shared": scaled(flops, rows, ks, shared=True),
        "sandbox_seconds": sandbox(tally, rows, ks),
    }
    whole = len(rows) == tally.problems
    seconds = dict(zip(device["k"], device["seconds"], strict=True)) if whole else {}
    found["device_seconds"] = [seconds.get(k, math.nan) for k in ks]
    drawn = joules(source.device_energy, source.engine_steps) if whole and device["k"] else math.nan
    found["joules"] = [drawn / tally.problems if k == source.n else math.nan for k in ks]
    found["money"] = money(tally, rows, ks, found, source.settings.prices)
    return found


def sandbox(tally: Tally, rows: NDArray[np.int64], ks: Sequence[int]) -> list[float]:
    """[ks] expected sandbox CPU seconds a problem with equal programs run once; exact."""
    problem, times, seconds = distinct_programs(tally)
    inside = np.isin(problem, rows)
    count = tally.present.sum(axis=1)
    if not inside.any() or np.isnan(seconds[inside]).any():
        return [math.nan] * len(ks)
    least = int(count[rows].min())
    defined = [k for k in ks if k <= least]
    spent = [math.nan] * len(ks)
    if defined:
        total = budgets.expected_seconds(
            times[inside], seconds[inside], count[problem[inside]], defined
        )
        spent[: len(defined)] = (total / len(rows)).tolist()
    return spent


def money(
    tally: Tally,
    rows: NDArray[np.int64],
    ks: Sequence[int],
    found: dict[str, list[float]],
    prices: Rates,
) -> list[float]:
    """[ks] the bill of k samples a problem; nan without a price or with a priced unit unknown."""
    prompt, generated, device, cpu = rates(prices)
    if not any((prompt, generated, device, cpu)):
        return [math.nan] * len(ks)
    present = np.maximum(tally.present.sum(axis=1), 1)
    own_prompt = float(np.mean((tally.prompt_tokens.sum(axis=1) / present)[rows]))
    own_generated = float(np.mean((tally.generated_tokens.sum(axis=1) / present)[rows]))
    bill = np.array(ks) * (own_prompt * prompt + own_generated * generated) / 1e6
    if device:
        bill = bill + np.array(found["device_seconds"]) * device / 3600
    if cpu:
        bill = bill + np.array(found["sandbox_seconds"]) * cpu / 3600
    return bill.tolist()  # type: ignore[no-any-return]  # numpy types tolist as Any


def budget_columns(tally: Tally, shared: bool, seed: int) -> tuple[Floats, list[Column]]:
    """Budgets in tokens a problem, and pass@budget of every problem at each of them."""
    costs = token_costs(tally)
    prompt = tally.prompt_tokens.max(axis=1)
    judged, passed = tally.judged, tally.passed
    spent = tally.generated_tokens + (0 if shared else prompt[:, None])
    prefix = costs.shared_prefix if shared else np.zeros(tally.problems)
    counts = np.maximum(judged.sum(axis=1), 1)
    least = prefix + np.where(judged, spent, 0).sum(axis=1) / counts
    most = prefix + np.where(judged, spent, 0).sum(axis=1)
    low, high = float(least.max()), float(most.min())
    if not (judged.any(axis=1).all() and 0 < low < high):
        return np.empty(0), []
    grid = np.geomspace(low, high, BUDGETS)
    orders = budgets.orders_for(int(judged.sum()))
    view = "shared" if shared else "billed"
    values = np.stack(
        [
            budgets.pass_at_budget(
                budgets.Sample(
                    float(prefix[i]), spent[i][judged[i]].astype(np.float64), passed[i][judged[i]]
                ),
                grid,
                orders,
                stream(seed, "orders", view, tally.dataset[i], tally.language[i], tally.task_id[i]),
            )
            for i in range(tally.problems)
        ]
    )
    return grid, [Column(str(i), values[:, i], "") for i in range(len(grid))]


def device_seconds(source: ReportInput, tally: Tally, ks: Sequence[int]) -> dict[str, Any]:
    """Device seconds a problem at k samples, for the whole run.

    `k` and `seconds`: the points, empty where there are none; `sources`: measured (k is what ran)
    or fitted. `reason` says why nothing is predicted. Prefill does not depend on k, since every
    prompt is prefilled once: its measured seconds are used at every k.
    """
    answer: dict[str, Any] = {"k": [], "seconds": [], "sources": [], "model": None, "reason": ""}
    measured = seconds_of(source.engine_steps, None)
    if math.isnan(measured):
        return answer | {"reason": "no engine ran: the completions were recorded elsewhere"}
    if not tally.present.all():
        return answer | {"reason": "samples are missing, so no k was measured"}
    lengths = np.maximum(tally.generated_tokens - 1, 0)  # prefill gives the first token
    timed, wanted = decoded_rows(source), int(lengths.sum())
    if abs(timed - wanted) > ROWS_OFF * wanted:
        return answer | {
            "reason": f"the timed steps decoded {timed:,} tokens and these samples took "
            f"{wanted:,}, so they are not the time of k = {source.n}"
        }
    answer.update(k=[source.n], seconds=[measured / tally.problems], sources=["measured"])
    model = fit(source.engine_steps, "decode", source.settings.seed)
    if isinstance(model, str):
        return answer | {"reason": model}
    decode = seconds_of(source.engine_steps, "decode")
    work = work_at(source, tally, lengths, source.n)
    off = model.seconds(work) / decode - 1.0
    answer["model"] = describe(model, work, off)
    if abs(off) > MAX_ERROR:
        return answer | {
            "reason": f"the model and the simulated schedule miss the measured decode time at "
            f"k = n by {off:+.0%} (limit {MAX_ERROR:.0%})"
        }
    spaced = np.geomspace(1, source.n, SIMULATED)
    points = sorted({min(ks, key=lambda k: abs(k - wish)) for wish in spaced} - {source.n})
    prefill = measured - decode
    for k in reversed(points):
        seconds = prefill + model.seconds(work_at(source, tally, lengths, k))
        answer["k"].insert(0, k)
        answer["seconds"].insert(0, seconds / tally.problems)
        answer["sources"].insert(0, "fitted")
    return answer


def decoded_rows(source: ReportInput) -> int:
    """Tokens that the timed decode steps fed to the model."""
    steps = source.engine_steps
    return int(pc.sum(steps.filter(pc.equal(steps["kind"], "decode"))["rows"]).as_py() or 0)


def work_at(source: ReportInput, tally: Tally, lengths: NDArray[np.int64], k: int) -> Work:
    """Work of decoding the first k samples of every problem."""
    header, group = header_groups(tally)
    own = tally.prompt_tokens.max(axis=1) - tally.header_tokens.max(axis=1)
    prefixes = Prefixes(own.tolist(), header.tolist(), group.tolist())
    return decode_work(lengths[:, :k], prefixes, source.max_rows, source.tile)


def describe(model: CostModel, work: Work, off: float) -> dict[str, Any]:
    return {
        "formula": "seconds = " + " + ".join(f"c_{name} * {name}" for name in FEATURES),
        "coefficients": dict(zip(FEATURES, model.coefficients, strict=True)),
        "stretches": model.stretches,
        "held_out_mape": model.mape,
        "held_out_r2": model.r2,
        "simulated_at_n": {name: getattr(work, name) for name in FEATURES},
        "error_at_n": off,
    }
