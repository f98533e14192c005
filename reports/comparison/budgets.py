"""The budget curves of all runs on one axis: curves, the frontier, the crossings, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reports.comparison.data import Side
from reports.comparison.frontier import Noise, Offer, crossings, frontier, offer
from reports.comparison.pairs import Pair
from reports.comparison.settings import Setting, common, settings
from reports.html import percent
from reports.ledger import price_table
from reports.svg import compact

SHOWN = 8  # stretches and crossings told in words; compare.json has all


@dataclass(frozen=True, slots=True)
class Axis:
    name: str
    unit: str  # of a budget, a problem
    views: tuple[tuple[str, str], ...]  # column of the costs, what is told of it


AXES = (
    Axis("tokens", "tokens", (("tokens_billed", "billed"), ("tokens_shared", "shared prefix"))),
    Axis("flops", "FLOPs", (("flops_billed", "billed"), ("flops_shared", "shared prefix"))),
    Axis("device_seconds", "device s", (("device_seconds", ""),)),
    Axis("joules", "J", (("joules", ""),)),
    Axis("sandbox_seconds", "sandbox CPU s", (("sandbox_seconds", ""),)),
    Axis("money", "", (("money", ""),)),
)


def budgets(sides: Sequence[Side], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Every axis on which two settings of a metric have a cost; `reason` where there is none.

    pairs: the first side with each other one.
    """
    halves = common(sides, pairs)
    found = settings(sides, halves)
    first = sides[0].source.settings
    answer: dict[str, Any] = {"problems": 0, "prices": price_table(first.prices), "figures": []}
    if not halves:
        return answer | {"reason": "no problem is common to all runs"}
    counts = halves[0].counts
    noise = Noise(counts.unit, first.confidence)
    for axis in AXES:
        for metric in dict.fromkeys(one.metric for one in found):
            own = [one for one in found if one.metric == metric]
            offers = [
                made
                for view, told in axis.views
                for one in own
                if (made := offer(one, view, f" ({told})" if told else "")) is not None
            ]
            if len(offers) > 1:
                answer["figures"].append(figure(axis, metric, own, offers, noise, first.prices))
    reason = "" if answer["figures"] else "no two settings have a known cost on one axis"
    return answer | {"problems": counts.problems, "reason": reason}


def figure(
    axis: Axis,
    metric: str,
    own: Sequence[Setting],
    offers: Sequence[Offer],
    noise: Noise,
    prices: Any,
) -> dict[str, Any]:
    unit = axis.unit or prices.currency
    best, crossed = frontier(offers, noise), crossings(offers, noise)
    notes = (
        [f"{one.label}: device seconds are {one.device}" for one in own if one.device]
        if axis.name == "device_seconds"
        else []
    )
    return {
        "axis": axis.name,
        "unit": f"{unit} a problem",
        "metric": metric,
        "settings": [
            {
                "label": one.label,
                "k": one.ks,
                "cost": one.cost.tolist(),
                "value": one.value.tolist(),
                "low": one.low.tolist(),
                "high": one.high.tolist(),
            }
            for one in offers
        ],
        "frontier": best,
        "crossings": crossed,
        "words": [*frontier_words(best, unit), *crossing_words(crossed, unit), *notes],
    }


def frontier_words(best: Sequence[dict[str, Any]], unit: str) -> list[str]:
    """The best setting at each budget."""
    said = [f"Below {compact(best[0]['from'])} {unit} a problem no setting has a sample."]
    for stretch in best[:SHOWN]:
        upto = f" to {compact(stretch['to'])}" if stretch["to"] else " on"
        lead = stretch["lead"]
        if lead is None:
            against = "alone"
        elif lead[0] == 0:
            against = f"level with {stretch['second']}"
        else:
            word = "beyond the noise" if stretch["beyond_noise"] else "inside the noise"
            ahead = f"{100 * lead[0]:.1f} points before {stretch['second']}"
            against = f"at its end {ahead}, {word}"
        said.append(
            f"From {compact(stretch['from'])}{upto} {unit}: {stretch['label']} is best, "
            f"{percent(stretch['value'])} % with k = {stretch['k']} ({against})."
        )
    if len(best) > SHOWN:
        more = len(best) - SHOWN
        said.append(
            f"The best setting changes {'once more' if more == 1 else f'{more} more times'}."
        )
    return said


def crossing_words(crossed: Sequence[dict[str, Any]], unit: str) -> list[str]:
    """Crossings that are more than noise, one by one; the others counted."""
    real = [one for one in crossed if one["beyond_noise"]]
    said = [
        f"{one['below']} and {one['above']} cross at {compact(one['budget'])} {unit} "
        f"({percent(one['value'])} %): below it {one['below']} leads, above it {one['above']}."
        for one in real[:SHOWN]
    ]
    if len(real) > SHOWN:
        said.append(f"{len(real) - SHOWN} more crossings are beyond the noise.")
    rest = len(crossed) - len(real)
    if rest:
        said.append(
            f"{rest} {'crossings lie' if rest > 1 else 'crossing lies'} inside the noise: which of "
            "the two leads there is not known."
        )
    if not crossed:
        said.append("No two curves cross.")
    return said
