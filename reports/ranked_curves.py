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
from reports.ledger import distinct_programs, token_costs
from reports.metrics import TOP
from reports.passk import miss
from reports.ranked import Ranked
from reports.rankers import costs as ranking_costs
from reports.tally import Placer, Tally

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TIE_ROUNDS = (4, 64)  # least and most random orders of equal scores
TIED_PROGRAMS = 200_000  # programs put in order, over all problems, to settle ties
BUDGETS = 16  # points of a curve at equal budgets
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
            elif counts:
                values[:, i] = joined.agreeing_chances(
                    one, counts[i], numbered(tally, i), own_ks, TOP, orders(tally), rng
                )
            else:
                values[:, i] = joined.joined_chances(
                    one,
                    source.joined[name],
                    parts[i],
                    numbered(tally, i),
                    own_ks,
                    TOP,
                    orders(tally),
                    rng,
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


def numbered(tally: Tally, i: int) -> Ints:
    """[n] number of each judged sample's program, as in `problems`."""
    return np.unique(tally.program[i][tally.judged[i]], return_inverse=True)[1].astype(np.int64)


def orders(tally: Tally) -> int:
    return int(np.clip(DRAWS // max(int(tally.judged.sum()), 1), *ORDERS))


def few(ks: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Places of FEW of the ks, spaced evenly in log k, of those wanted, and of the last."""
    spaced = np.geomspace(1, ks[-1], FEW)
    near = {min(range(len(ks)), key=lambda i: abs(ks[i] - wish)) for wish in spaced}
    return sorted(near | {i for i, k in enumerate(ks) if k in wanted} | {len(ks) - 1})


def rankers(source: ReportInput) -> list[str]:
    table = source.rankings
    return sorted(table["ranker"].unique().to_pylist()) if table.num_rows else []


def problem_key(tally: Tally, i: int) -> tuple[str, str, str]:
    return tally.dataset[i], tally.language[i], tally.task_id[i]


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


def agreeing(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Agreeing]:
    """By problem what a ranker that counts agreeing samples knows of its judged programs.

    Empty where nothing was recorded: combinations, and runs ranked by an earlier version.
    """
    table = source.agreements
    if not table.num_rows:
        return {}
    rows = table.filter(pc.equal(table["ranker"], name))
    picked, cells = place.cells(rows)
    by_program = {
        int(program): int(row)
        for program, row in zip(tally.program.ravel()[cells], picked, strict=True)
    }
    cluster, weight, then = (rows[column].to_numpy() for column in ("cluster", "weight", "then"))
    found = {}
    for i in range(tally.problems):
        own = np.unique(tally.program[i][tally.judged[i]]).tolist()
        if own and all(program in by_program for program in own):
            chosen = [by_program[program] for program in own]
            found[i] = Agreeing(cluster[chosen], weight[chosen], then[chosen])
    return found


def parts_of(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Known]:
    """By problem what is known of a combination's rankers; empty where one was not ranked alone."""
    if name not in source.joined:
        return {}
    own: dict[str, Mapping[int, Floats | Agreeing]] = {}
    for leaf in set(joined.leaves(source.joined[name])):
        if leaf in source.alone:
            scored = problems(source, tally, place, leaf)
            own[leaf] = {i: one.score for i, one in scored.items()}
        else:
            own[leaf] = dict(agreeing(source, tally, place, leaf))
    shared = set.intersection(*(set(found) for found in own.values()))
    return {i: {leaf: found[i] for leaf, found in own.items()} for i in shared}


def problems(source: ReportInput, tally: Tally, place: Placer, name: str) -> dict[int, Ranked]:
    """By problem its distinct judged programs with a ranker's scores; those that have them all."""
    rows = source.rankings.filter(pc.equal(source.rankings["ranker"], name))
    picked, cells = place.cells(rows)
    flat = np.full(tally.verdict.size, math.nan)
    flat[cells] = rows["score"].to_numpy()[picked]
    scores = flat.reshape(tally.verdict.shape)
    found = {}
    for i in range(tally.problems):
        judged = np.flatnonzero(tally.judged[i])
        if not len(judged):
            continue
        _, first, times = np.unique(tally.program[i, judged], return_index=True, return_counts=True)
        at = judged[first]
        if not np.isnan(scores[i, at]).any():
            found[i] = Ranked(times, tally.passed[i, at], scores[i, at])
    return found


def equal_budgets(source: ReportInput, tally: Tally, place: Placer) -> list[dict[str, Any]]:
    """The same when every problem has the same budget in tokens: by random orders of its samples.

    For rankers that ask the model for nothing; the budget is spent on samples alone.
    """
    asking = {
        one["ranker"]
        for one in ranking_costs(source)
        if one["prompt_tokens"] + one["generated_tokens"]
    }
    found: list[dict[str, Any]] = []
    for view in ("billed", "shared"):
        shared = view == "shared"
        spent = tally.generated_tokens + (0 if shared else tally.prompt_tokens)
        prefix = token_costs(tally).shared_prefix if shared else np.zeros(tally.problems)
        grid = common_grid(tally, spent, prefix)
        if not len(grid):
            continue
        for name in rankers(source):
            own = problems(source, tally, place, name)
            if (
                name in asking
                or name not in source.alone
                or why_not(source, tally, name, own, {}, [1])
            ):
                continue
            values = np.stack(
                [
                    ranked.at_budgets(
                        one,
                        numbered(tally, i),
                        spent[i][tally.judged[i]].astype(np.float64),
                        float(prefix[i]),
                        grid,
                        TOP,
                        orders(tally),
                        stream(source.settings.seed, "ranked", view, *problem_key(tally, i)),
                    )
                    for i, one in own.items()
                ],
                axis=1,
            )  # [tops, problems, budgets]
            for i, m in enumerate(TOP):
                at = over_problems(values[i], tally.unit, source.settings.confidence)
                found.append(
                    {
                        "ranker": name,
                        "metric": names(m),
                        "view": view,
                        "budget": grid.tolist(),
                        "value": [one.value for one in at],
                        "low": [one.low for one in at],
                        "high": [one.high for one in at],
                    }
                )
    return found


def common_grid(tally: Tally, spent: Ints, prefix: Floats) -> Floats:
    """Budgets that buy an average sample of every problem, and no more than all of any."""
    judged = tally.judged
    total = np.where(judged, spent, 0).sum(axis=1)
    least = prefix + total / np.maximum(judged.sum(axis=1), 1)
    low, high = float(least.max()), float((prefix + total).min())
    if not (judged.any(axis=1).all() and 0 < low < high):
        return np.empty(0)
    return np.geomspace(low, high, BUDGETS)


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
