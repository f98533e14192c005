"""Which setting is best at each budget, and where two settings' curves cross."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports import student
from reports.comparison.settings import Setting
from reports.intervals import Estimate, unit_sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Offer:
    """A setting on one axis: what it gives for what, by rising cost."""

    label: str
    ks: list[int]
    cost: Floats
    value: Floats
    low: Floats
    high: Floats
    values: Floats  # [P, points]

    def along(self, grid: Floats) -> Floats:
        """[grid] the value at logarithms of budgets; linear in them between two points."""
        return np.interp(grid, np.log(self.cost), self.value)

    def at(self, log_budget: float) -> Floats:
        """[P] likewise each problem's value; the curve has two points at least."""
        where = float(np.interp(log_budget, np.log(self.cost), np.arange(len(self.cost))))
        i = min(int(where), len(self.cost) - 2)
        share = where - i
        return np.asarray((1 - share) * self.values[:, i] + share * self.values[:, i + 1])


def offer(setting: Setting, axis: str, suffix: str = "") -> Offer | None:
    """None where the setting has no known cost on the axis."""
    cost = setting.costs[axis]
    known = np.flatnonzero(~np.isnan(cost) & (cost > 0) & ~np.isnan(setting.value))
    if not len(known):
        return None
    order = known[np.argsort(cost[known], kind="stable")]
    return Offer(
        setting.label + suffix,
        [setting.ks[i] for i in order],
        cost[order],
        setting.value[order],
        setting.low[order],
        setting.high[order],
        setting.values[:, order],
    )


class Noise:
    """Whether a lead is more than the noise between problems."""

    def __init__(self, units: Ints, confidence: float) -> None:
        self._units = units
        self._confidence = confidence

    def lead(self, first: Floats, second: Floats) -> Estimate:
        """[P] values of both: how far the first is ahead, mean +- t se over the problems.

        The standard error is that of a ratio, linearised, as in `reports.intervals`: what the
        paired bootstrap of `reports.differences` comes to, without its resamples.
        """
        gap = first - second
        mean = float(gap.mean())
        sums, sizes = unit_sums(gap[:, None], self._units)
        count = len(sizes)
        if count < 2:
            return Estimate(mean, math.nan, math.nan)
        off = float(((sums[:, 0] - sizes * mean) ** 2).sum())
        error = math.sqrt(count / (count - 1) * off) / len(gap)
        half = student.quantile(self._confidence, count - 1) * error
        return Estimate(mean, mean - half, mean + half)


def beyond(lead: Estimate) -> bool:
    return lead.low > 0 or lead.high < 0


def frontier(offers: Sequence[Offer], noise: Noise) -> list[dict[str, Any]]:
    """The best of all that a budget can buy, by rising budget; a stretch a setting.

    A budget buys every point that costs no more. `lead`: at the end of the stretch, before the
    best that it could buy of the other settings; None where there was no other.
    """
    points = sorted(
        (
            (float(one.cost[i]), -float(one.value[i]), which, i)
            for which, one in enumerate(offers)
            for i in range(len(one.cost))
        ),
    )
    stretches: list[dict[str, Any]] = []
    best: dict[int, int] = {}  # setting to its best point so far
    leader = -1
    for position, (cost, _, which, i) in enumerate(points):
        own = best.get(which)
        if own is None or offers[which].value[i] > offers[which].value[own]:
            best[which] = i
        if position + 1 < len(points) and points[position + 1][0] == cost:
            continue  # all that costs the same is bought together
        top = max(best, key=lambda w: (offers[w].value[best[w]], w == leader))
        if top != leader:
            leader = top
            stretches.append({"label": offers[top].label, "from": cost, "at": dict(best)})
        stretches[-1] |= {"last": cost, "which": top, "at": dict(best)}
    for stretch, following in zip(stretches, [*stretches[1:], None], strict=True):
        at, which = stretch.pop("at"), stretch.pop("which")
        one = offers[which]
        others = [w for w in at if w != which]
        second = max(others, key=lambda w: offers[w].value[at[w]]) if others else None
        stretch |= {"to": following["from"] if following else None, "k": one.ks[at[which]]}
        stretch["value"] = float(one.value[at[which]])
        stretch["second"] = offers[second].label if second is not None else None
        lead = (
            noise.lead(one.values[:, at[which]], offers[second].values[:, at[second]])
            if second is not None
            else None
        )
        stretch["lead"] = [lead.value, lead.low, lead.high] if lead else None
        stretch["beyond_noise"] = bool(lead and beyond(lead))
    return stretches


def crossings(offers: Sequence[Offer], noise: Noise) -> list[dict[str, Any]]:
    """Where the curves of two settings cross, for all pairs, between points linear in log cost.

    `beyond_noise`: each leads somewhere on its side by more than the noise between problems.
    """
    found = []
    for one, other in combinations(offers, 2):
        low, high = max(one.cost[0], other.cost[0]), min(one.cost[-1], other.cost[-1])
        if not low < high:
            continue
        inside = np.union1d(one.cost, other.cost)
        grid = np.log(np.union1d(inside[(inside >= low) & (inside <= high)], [low, high]))
        gap = one.along(grid) - other.along(grid)
        ahead = [int(i) for i in np.flatnonzero(np.abs(gap) > 1e-12)]
        changes = [(i, j) for i, j in pairwise(ahead) if gap[i] * gap[j] < 0]
        starts = [0, *(j for _, j in changes)]  # of the stretches in which one of them leads
        stops = [*(i + 1 for i, _ in changes), len(grid)]
        widest = [
            start + int(np.argmax(np.abs(gap[start:stop])))
            for start, stop in zip(starts, stops, strict=True)
        ]
        real = [
            beyond(noise.lead(one.at(float(grid[x])), other.at(float(grid[x])))) for x in widest
        ]
        for number, (i, j) in enumerate(changes):
            share = float(gap[i] / (gap[i] - gap[j]))
            at = float(grid[i] + share * (grid[j] - grid[i]))
            below, above = (one, other) if gap[i] > 0 else (other, one)
            found.append(
                {
                    "below": below.label,
                    "above": above.label,
                    "budget": math.exp(at),
                    "value": float(one.along(np.array([at]))[0]),
                    "beyond_noise": real[number] and real[number + 1],
                }
            )
    return found
