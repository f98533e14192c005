"""pass@1 and pass@top3 after each ranker against what k samples and the ranking cost together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from reports import joined, purposes, ranked
from reports.data import ReportInput
from reports.intervals import over_problems, stream
from reports.joined import Agreeing, Known
from reports.ledger import distinct_programs
from reports.metrics import TOP
from reports.passk import miss
from reports.ranked import Ranked
from reports.ranked_rows import agreeing, numbered, parts_of, problem_key, problems, rankers
from reports.rankers import costs as ranking_costs
from reports.tally import Placer, Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIE_ROUNDS = (4, 64)  # least and most random orders of equal scores
TIED_PROGRAMS = 200_000  # programs put in order, over all problems, to settle ties
DRAWS, ORDERS = 2_000_000, (20, 100)  # places in random orders; least and most a problem
FEW = 12  # k at which rankers that count agreeing samples are followed
AMONG_OTHERS = (
    "its scores depend on which samples there are, and what they rest on was not recorded"
)
PARTS = (
    "its scores depend on which samples there are, and on its parts: name each of them among the "
    "rankers too"
)


def names(m: int) -> str:
    return "pass@1" if m == 1 else f"pass@top{m}"


def curves(
    source: ReportInput,
    tally: Tally,
    place: Placer,
    ks: Sequence[int],
    cost: Mapping[str, list[float]],
) -> list[dict[str, Any]]:
    """Of the whole run: for each ranker and each of TOP the values at ks, with costs by axis.

    cost: of sampling, [ks] by axis; to it comes what the ranker used. A ranker whose scores depend
    on the other samples in a way that was not recorded has no values, and a reason.
    """
    spent = {one["ranker"]: one for one in ranking_costs(source)}
    settings = source.settings
    found = []
    for name in rankers(source):
        own = problems(source, tally, place, name)
        counts = {} if name in source.alone else agreeing(source, tally, place, name)
        parts = parts_of(source, tally, place, name)
        known = counts or parts
        at = list(range(len(ks))) if name in source.alone else few(ks, settings.k)
        own_ks = [ks[i] for i in at]
        reason = why_not(source, tally, name, own, known, own_ks)
        values = np.full((len(TOP), tally.problems, len(own_ks)), math.nan)
        for i, one in own.items() if not reason else ():
            rng = stream(settings.seed, "ties", name, *problem_key(tally, i))
            if name in source.alone:
                rounds = int(np.clip(TIED_PROGRAMS // programs(own), *TIE_ROUNDS))
                values[:, i] = ranked.chances(one, own_ks, TOP, rounds, rng)
            else:
                order = (
                    joined.by_agreement(counts[i])
                    if counts
                    else joined.by_combination(source.joined[name], parts[i])
                )
                values[:, i] = joined.mean_over_orders(
                    one, order, numbered(tally, i), own_ks, TOP, orders(tally), rng
                )
        part = {axis: [values[i] for i in at] for axis, values in cost.items()}
        total = with_ranking(source, tally, own_ks, part, spent.get(name))
        for i, m in enumerate(TOP):
            estimates = over_problems(values[i], tally.unit, settings.confidence)
            found.append(
                {
                    "ranker": name,
                    "metric": names(m),
                    "reason": reason,
                    "k": own_ks,
                    "value": [one.value for one in estimates],
                    "low": [one.low for one in estimates],
                    "high": [one.high for one in estimates],
                    "cost": total,
                    "per_problem": values[i],
                }
            )
    return found


def programs(own: Mapping[int, Ranked]) -> int:
    return sum(len(one.times) for one in own.values())


def orders(tally: Tally) -> int:
    return int(np.clip(DRAWS // max(int(tally.judged.sum()), 1), *ORDERS))


def few(ks: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Places of FEW of the ks, spaced evenly in log k, of those wanted, and of the last."""
    spaced = np.geomspace(1, ks[-1], FEW)
    near = {min(range(len(ks)), key=lambda i: abs(ks[i] - wish)) for wish in spaced}
    return sorted(near | {i for i, k in enumerate(ks) if k in wanted} | {len(ks) - 1})


def why_not(
    source: ReportInput,
    tally: Tally,
    name: str,
    own: Mapping[int, Ranked],
    known: Mapping[int, Agreeing | Known],
    ks: Sequence[int],
) -> str:
    """Why there is no curve; "" where there is one."""
    if name not in source.alone and not known:
        return PARTS if name in source.joined else AMONG_OTHERS
    if len(own) < tally.problems or (known and len(known) < tally.problems):
        return "some programs have no score"
    if int(tally.n.min()) < max(ks):
        return "a problem has fewer judged samples"
    return ""


def with_ranking(
    source: ReportInput,
    tally: Tally,
    ks: Sequence[int],
    cost: Mapping[str, list[float]],
    spent: Mapping[str, Any] | None,
) -> dict[str, list[float]]:
    """[ks] cost of sampling and ranking, a problem, by axis.

    Reviews and observed programs are counted by the distinct programs that k samples are expected
    to hold; generated tests are asked for once, whatever k is. Device seconds of a ranker that asks
    the model are known at no k: they do not shrink with it in proportion.
    """
    total = {axis: np.array(values, np.float64) for axis, values in cost.items()}
    if spent is None:
        return {axis: values.tolist() for axis, values in total.items()}
    asked = bool(spent["prompt_tokens"] or spent["generated_tokens"])
    share = distinct_share(tally, ks)
    tests = tests_once(source) if spent["generated_tokens"] else dict.fromkeys(TESTS, 0.0)
    prompt = tests["prompt"] + (spent["prompt_tokens"] - tests["prompt"]) * share
    shared = tests["shared"] + (spent["prompt_tokens"] - tests["prompt"]) * share
    flops = tests["flops"] + (spent["flops"] - tests["flops"]) * share
    shared_flops = tests["shared_flops"] + (spent["flops"] - tests["flops"]) * share
    generated, cpu = float(spent["generated_tokens"]), spent["cpu_seconds"] * share
    prices = source.settings.prices
    extra = {
        "tokens_billed": prompt + generated,
        "tokens_shared": shared + generated,
        "flops_billed": flops,
        "flops_shared": shared_flops,
        "sandbox_seconds": cpu,
        "device_seconds": np.full(len(ks), math.nan if asked else 0.0),
        "joules": np.full(len(ks), math.nan if asked else 0.0),
    }
    unknown = asked and prices.per_device_hour
    bill = [
        purposes.price(float(p), generated, math.nan if unknown else 0.0, float(c), prices)
        for p, c in zip(prompt, cpu, strict=True)
    ]
    extra["money"] = np.array(bill)
    return {axis: (total[axis] + extra[axis] / tally.problems).tolist() for axis in total}


TESTS = ("prompt", "shared", "flops", "shared_flops")


def tests_once(source: ReportInput) -> dict[str, float]:
    """What the generated tests of the run took: it does not depend on k."""
    calls = source.ranking_calls
    calls = calls.filter(pc.equal(calls["purpose"], "test_generation")) if calls.num_rows else calls
    if not calls.num_rows:
        return dict.fromkeys(TESTS, 0.0)
    prompt, flops, rest = (
        float(pc.sum(calls[name]).as_py())
        for name in ("prompt_tokens", "prompt_flops", "generated_flops")
    )
    share = purposes.prompts_once(calls)
    return {
        "prompt": prompt,
        "shared": share * prompt,
        "flops": flops + rest,
        "shared_flops": share * flops + rest,
    }


def distinct_share(tally: Tally, ks: Sequence[int]) -> Floats:
    """[ks] distinct programs that k samples a problem are expected to hold, of all there are."""
    problem, times, _ = distinct_programs(tally)
    count = tally.present.sum(axis=1)
    if not len(times) or int(count.min()) < max(ks):
        return np.full(len(ks), math.nan)
    # Many programs were drawn equally often of equally many.
    scale = int(times.max()) + 1  # two numbers as one: sorting pairs is ten times slower
    pairs, alike = np.unique(count[problem] * scale + times, return_counts=True)
    chance = 1.0 - miss(pairs // scale, pairs % scale, list(ks))
    return np.asarray(alike @ chance / len(times))
