"""The settings that several runs offer, each with what k samples of it give and cost.

A setting is a run, and after ranking a run and a ranker. All are of the problems that every run
has, and all are priced by the first run's price table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports import ranked_curves
from reports.comparison.data import Side
from reports.comparison.pairs import Half, Pair, half
from reports.curves import axes, device_seconds
from reports.data import ReportInput
from reports.intervals import over_problems
from reports.metrics import k_grid, sampling_columns
from reports.scopes import scopes, whole
from reports.tally import joined_key

Floats = NDArray[np.float64]

SAMPLED = "pass@k"


@dataclass(frozen=True, slots=True)
class Setting:
    """One curve: row i of `values` is the same problem in every setting."""

    label: str
    metric: str  # settings are held against those of the same metric
    ks: list[int]
    values: Floats  # [P, ks]
    value: Floats  # [ks]
    low: Floats
    high: Floats
    costs: dict[str, Floats]  # by axis, a problem; nan where unknown
    device: str  # where device seconds come from, in words; "" where there are none


def common(sides: Sequence[Side], pairs: Sequence[Pair]) -> list[Half]:
    """The runs on the problems that all have; empty where there is none."""
    keys = [set(joined_key(side.source.problems).to_pylist()) for side in sides]
    shared = reduce(set.intersection, keys)
    if not shared:
        return []
    if all(both.problems == len(shared) for both in pairs):  # counted already
        return [pairs[0].first, *(both.second for both in pairs)]
    table = sides[0].source.problems
    wanted = table.filter(pc.is_in(joined_key(table), value_set=pc.cast(sorted(shared), "string")))
    return [half(side.source, wanted) for side in sides]


def settings(sides: Sequence[Side], halves: Sequence[Half]) -> list[Setting]:
    """Those of every run, in order; halves: what `common` gave, empty where nothing is common."""
    prices = sides[0].source.settings.prices
    found: list[Setting] = []
    for side, own in zip(sides, halves, strict=bool(halves)):
        priced = dataclasses.replace(own.source.settings, prices=prices)
        source = dataclasses.replace(own.source, settings=priced)
        cut = own.counts.problems < side.source.problems.num_rows
        found += of_run(side.label, dataclasses.replace(own, source=source), cut)
    return found


def of_run(label: str, own: Half, cut: bool) -> list[Setting]:
    """cut: some problems of the run were left out, so that its device time is not theirs."""
    source, counts = own.source, own.counts
    ks = [k for k in k_grid(source.n, source.settings.k) if k <= int(counts.n.min())]
    if not ks:
        return []
    device = device_seconds(without_device(source) if cut else source, counts, ks)
    total = whole(scopes(counts))
    cost = axes(without_device(source) if cut else source, counts, total, ks, device)
    said = device_words(device)
    values = np.stack([column.values for column in sampling_columns(counts, ks)], axis=1)
    at = over_problems(values, counts.unit, source.settings.confidence)
    found = [
        Setting(
            label,
            SAMPLED,
            ks,
            values,
            np.array([one.value for one in at]),
            np.array([one.low for one in at]),
            np.array([one.high for one in at]),
            costs={axis: np.array(spent) for axis, spent in cost.items()},
            device=said,
        )
    ]
    for curve in ranked_curves.curves(source, counts, own.place, ks, cost):
        if curve["reason"]:
            continue
        found.append(
            Setting(
                f"{label}, {curve['ranker'].replace('_', ' ')}",
                f"{curve['metric']} after ranking",
                curve["k"],
                curve["per_problem"],
                np.array(curve["value"]),
                np.array(curve["low"]),
                np.array(curve["high"]),
                costs={axis: np.array(spent) for axis, spent in curve["cost"].items()},
                device=said,
            )
        )
    return found


def without_device(source: ReportInput) -> ReportInput:
    return dataclasses.replace(
        source,
        engine_steps=source.engine_steps.slice(0, 0),
        device_energy=source.device_energy.slice(0, 0),
    )


def device_words(device: dict[str, object]) -> str:
    """Where device seconds come from."""
    model = device["model"]
    if not device["k"]:
        return ""
    if device["reason"] or not isinstance(model, dict):
        return "measured at its own n alone"
    return (
        f"measured at its own n, elsewhere by a cost model fitted to {model['stretches']} timed "
        f"stretches (held-out error {100 * model['held_out_mape']:.1f} %)"
    )
