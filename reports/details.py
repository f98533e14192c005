"""The later sections of the report page: problems, candidates, ledger, environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from reports import bars, notable, purpose_words, viewer
from reports.figures import Document
from reports.html import Cell, Markup, amount, anchor, join, number, percent, share, table, tag
from reports.sections import figure, section

NOTHING = ("", "null", "[]", "{}")  # facts that say nothing
OPEN = ("sample", "execute")  # stages whose facts are in view: model, weights, images, toolchains
PROBLEM_ROWS = 600  # more would make the page slow; the search opens the others


def problems(doc: Document) -> Markup:
    items = doc["per_problem"]
    several = len({item["dataset"] for item in items}) > 1
    rankers = sorted(
        {
            name.removesuffix(" pass@1")
            for item in items
            for name in item["ranking"]
            if name.endswith(" pass@1") and not name.startswith("random")
        }
    )
    rows: list[list[object]] = []
    for item in items[:PROBLEM_ROWS]:
        solved = share(item["c"], item["n"])
        failures = {k: v for k, v in item["verdicts"].items() if k != "passed"}
        common = max(failures, key=lambda name: failures[name]) if failures else ""
        bar = tag("span", tag("i", "", style=f"width:{100 * (solved or 0):.1f}%"), _class="bar")
        rows.append(
            [
                Cell(tag("a", item["task_id"], href=f"#{anchor(item)}"), id=anchor(item)),
                f"{item['dataset']} {item['language']}" if several else item["language"],
                Cell(bar, sort=solved or 0.0),
                Cell(f"{item['c']} of {item['n']}", number=True, sort=item["c"]),
                Cell(f"{item['distinct_programs']}", number=True),
                Cell(number(item["mean_generated_tokens"], 0), number=True),
                *(
                    Cell(
                        percent(item["ranking"].get(f"{name} pass@1"), 0),
                        number=True,
                        sort=item["ranking"].get(f"{name} pass@1") or 0.0,
                    )
                    for name in rankers
                ),
                common.replace("_", " "),
            ]
        )
    left = len(items) - len(rows)
    return section(
        "problems",
        "Problem by problem",
        figure(
            bars.heat_strip(doc),
            "One cell a problem, in the order of the dataset; the fill grows with the share of its "
            "samples that pass. Grey: none did.",
        ),
        notable.notable(doc),
        viewer.finder(doc),
        table(
            (
                f"The first {len(rows)} of {len(items):,} problems; the search, n and p and links "
                "open the others too"
                if left > 0
                else "All problems"
            )
            + ". The columns in percent: does the program that a ranker puts first pass?",
            [
                "problem",
                "language",
                "share",
                Cell("passed"),
                Cell("distinct"),
                Cell("tokens"),
                *(Cell(f"{name.replace('_', ' ')}, %") for name in rankers),
                "commonest failure",
            ],
            rows,
            sortable=True,
            tall=len(rows) > 12,
        ),
    )


def candidates(doc: Document) -> Markup:
    parts = []
    for item in doc["examples"]:
        summary = join(
            [
                tag("b", item["task_id"]),
                f" in {item['language']}, {item['c']} of {item['n']} passed",
            ]
        )
        shown = []
        for one in item["candidates"]:
            score = one["mean_logprob"]
            facts = [
                f"sample {one['sample_index']}",
                f"drawn {one['drawn']}\N{MULTIPLICATION SIGN}",
            ]
            if score is not None:
                facts.append(f"mean log-probability {score:.3f}")
            detail = one["detail"] if one["verdict"] != "passed" else ""
            shown.append(
                tag(
                    "div",
                    join(
                        [
                            tag("h3", one["why"].capitalize()),
                            tag(
                                "p",
                                join(
                                    [
                                        tag(
                                            "span",
                                            one["verdict"].replace("_", " "),
                                            _class=f"verdict v-{one['verdict']}",
                                        ),
                                        f" · {' · '.join(facts)}",
                                    ]
                                ),
                                _class="soft",
                            ),
                            tag("pre", tag("code", one["completion"]), tabindex="0"),
                            tag("p", detail, _class="soft") if detail else "",
                            tag("pre", tag("code", one["stderr"]), tabindex="0")
                            if one["stderr"].strip()
                            else "",
                        ]
                    ),
                )
            )
        body = join(
            [
                tag("h3", "Prompt"),
                tag("pre", tag("code", item["prompt"]), tabindex="0"),
                tag("div", join(shown), _class="pair"),
            ]
        )
        parts.append(tag("details", join([tag("summary", summary), body])))
    if not parts:
        return Markup("")
    return section(
        "candidates",
        "Candidates worth reading",
        tag(
            "p",
            "Problems that some samples solve and others do not, first those where the likeliest "
            "program fails.",
        ),
        *parts,
    )


def ledger(doc: Document) -> Markup:
    rows = [
        [
            line["name"],
            Cell(amount(line["value"], line["unit"]), number=True),
            line["unit"],
            tag("span", line["source"], _class="tag"),
            tag("span", line["note"], _class="soft"),
        ]
        for line in doc["ledger"]
    ]
    return section(
        "ledger",
        "The ledger",
        table(
            "What the run spent, and where each figure comes from",
            ["", Cell("amount"), "unit", "source", ""],
            rows,
        ),
        table(
            "By what it was for",
            ["", *(Cell(name) for name in purpose_words.heads(doc)[1:])],
            [
                [row[0], *(Cell(cell, number=True) for cell in row[1:])]
                for row in purpose_words.rows(doc)
            ],
        ),
        tag("p", purpose_words.EXPLAINED, _class="note"),
    )


def flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as dotted keys."""
    if isinstance(value, Mapping) and value:
        return [
            pair
            for key, item in value.items()
            for pair in flat(item, f"{prefix}.{key}" if prefix else str(key))
        ]
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return [(prefix, shown)]


def settled(environment: Mapping[str, object]) -> dict[str, list[tuple[str, str]]]:
    """The facts of each stage, with those that several stages agree on under "all stages"."""
    stages = {
        stage: [(key, value) for key, value in flat(record) if value not in NOTHING]
        for stage, record in environment.items()
    }
    values: dict[str, list[str]] = {}
    for facts in stages.values():
        for key, value in facts:
            values.setdefault(key, []).append(value)
    agreed = {key for key, found in values.items() if len(found) > 1 and len(set(found)) == 1}
    shared = [(key, values[key][0]) for key in values if key in agreed]
    return {"all stages": shared} | {
        stage: [fact for fact in facts if fact[0] not in agreed] for stage, facts in stages.items()
    }


def fact_list(facts: Sequence[tuple[str, str]]) -> Markup:
    items = [(tag("dt", key), tag("dd", value, _class="mono")) for key, value in facts]
    return tag("dl", join([part for item in items for part in item]), _class="facts")


def environment(doc: Document) -> Markup:
    facts = [
        tag(
            "details",
            join([tag("summary", f"Recorded by {stage}"), fact_list(found)]),
            **({"open": ""} if stage in OPEN else {}),
        )
        for stage, found in settled(doc["environment"]).items()
        if found
    ]
    config = json.dumps(doc["config"], indent=2, ensure_ascii=False)
    commands = "\n".join(doc["commands"])
    return section(
        "environment",
        "Where it ran, and how to run it again",
        tag("pre", tag("code", commands), tabindex="0") if commands else "",
        tag(
            "p",
            "Tokens agree bitwise in deterministic mode for one dtype and thread count; times do "
            "not, and are kept apart in columns of their own.",
            _class="note",
        ),
        *facts,
        tag(
            "details",
            join(
                [
                    tag("summary", "The resolved configuration"),
                    tag("pre", tag("code", config), tabindex="0"),
                ]
            ),
        ),
    )
