"""A comparison as one HTML file, in the style of the report."""

from __future__ import annotations

from typing import Any

from reports.comparison import tables
from reports.comparison.budget_figure import budget_curve, budget_figure
from reports.comparison.figure import figure_of
from reports.comparison.words import explained, points, summary, whole
from reports.html import Cell, Markup, join, table, tag
from reports.sections import figure, section
from reports.shell import shell

Document = dict[str, Any]

PROBLEMS = 400  # more would make the page slow; compare.json has all


def page(doc: Document) -> str:
    """The page of a document whose undefined numbers are None."""
    first = doc["runs"][0]
    others = doc["runs"][1:]
    title = f"{' and '.join(run['label'] for run in others)} against {first['label']}"
    links = join(
        [tag("li", tag("a", run["label"], href=f"#run-{i}")) for i, run in enumerate(others)]
        + [tag("li", tag("a", "What each budget buys", href="#budgets"))]
        + [tag("li", tag("a", "How to read this", href="#reading"))]
    )
    parts = [
        against(f"run-{i}", doc, first, run, item)
        for i, (run, item) in enumerate(zip(others, doc["against"], strict=True))
    ]
    parts.append(budget_section(doc["budgets"], doc["confidence"]))
    reading = section("reading", "How to read this", *(tag("p", said) for said in explained(doc)))
    body = [
        tag("header", join([tag("h1", title), tag("p", lead(doc), _class="lead")])),
        tag("nav", tag("ul", links), aria_label="Sections"),
        tag("main", join([*parts, reading])),
    ]
    return shell("forkeval comparison", title, join(body), ("figures.js",))


def lead(doc: Document) -> str:
    """How many comparisons there are and how many are beyond the noise."""
    rows = [row for item in doc["against"] for scope in item["scopes"] for row in scope["metrics"]]
    counts = {kind: sum(row["outcome"] == kind for row in rows) for kind in ("better", "worse")}
    rest = doc["family"] - sum(counts.values())
    return (
        f"Of {doc['family']:,} comparisons, {counts['better']:,} are better, {counts['worse']:,} "
        f"worse, and {rest:,} inside the noise."
    )


def against(
    identity: str, doc: Document, first: dict[str, Any], run: dict[str, Any], item: dict[str, Any]
) -> Markup:
    """One run against the first."""
    level = f"{doc['confidence']:.0%}"
    said = [*summary(item), *item["notes"]]
    parts: list[object] = [
        tag(
            "p",
            f"{item['problems']:,} common problems. First: {first['label']}, n = {first['n']:,}. "
            f"Second: {run['label']}, n = {run['n']:,}.",
        ),
        tag("ul", join([tag("li", line) for line in said])),
        figure(
            figure_of(identity, item),
            f"Differences of pass@k, with {level} intervals for problems drawn anew. Filled: "
            "beyond the noise.",
        ),
        differences(item, level),
        table("Problems won and lost", heads(tables.WON), cells(tables.won(item))),
        problems(item, first["page"], run["page"]),
        *verdicts(item),
        table(
            "Costs of the whole runs, in all and for each candidate",
            heads(tables.COSTS, 2),
            cells(tables.costs(item), 2),
        ),
    ]
    if item["allowed"]:
        parts.append(table("Allowed to differ", tables.CHANGES, tables.changes(item["allowed"])))
    if item["settings"]:
        changed = tables.changes(item["settings"])
        parts.append(table("Settings that differ", tables.CHANGES, changed))
    return section(identity, f"{run['label']} against {first['label']}", *parts)


def budget_section(found: Document, confidence: float) -> Markup:
    """Curves of all settings on one axis each, with what they say."""
    parts: list[object] = []
    if found["reason"]:
        parts.append(tag("p", f"Nothing is drawn: {found['reason']}."))
    else:
        parts.append(
            tag(
                "p",
                f"On the {found['problems']:,} problems that all runs have. A budget buys whatever "
                f"costs no more; below one sample nothing is defined. Money is by "
                f"{found['prices']} of the first run.",
            )
        )
    ranked: list[object] = []
    for one in found["figures"]:
        own = ranked if "after ranking" in one["metric"] else parts
        own.append(tag("h3", f"{one['metric']} against {one['unit']}"))
        drawn = budget_figure(budget_curve(one, confidence))
        if drawn:
            own.append(figure(drawn, f"{one['metric']}, with bands for problems drawn anew."))
        own.append(tag("ul", join([tag("li", said) for said in one["words"]])))
    if ranked:
        parts.append(
            tag("details", join([tag("summary", "After ranking, against each budget"), *ranked]))
        )
    return section("budgets", "What each budget buys", *parts)


def heads(names: tuple[str, ...], words: int = 1) -> list[str | Cell]:
    """Column heads; the first `words` columns hold words, the others numbers."""
    return [*names[:words], *(Cell(name) for name in names[words:])]


def cells(rows: list[list[str]], words: int = 1) -> list[list[object]]:
    return [[*row[:words], *(Cell(cell, number=True) for cell in row[words:])] for row in rows]


def differences(item: dict[str, Any], level: str) -> Markup:
    words = 3  # columns of words: scope, metric, outcome
    rows: list[list[object]] = []
    for found, row in tables.metrics(item):
        told = tag("b", row[2]) if row[2] in ("better", "worse") else row[2]
        hint = tag("span", told, title=found["reason"]) if found["reason"] else told
        rows.append([row[0], row[1], hint, *(Cell(cell, number=True) for cell in row[words:])])
    names = heads(tables.METRICS, words)
    return table(f"Differences in points, with {level} intervals", names, rows)


def problems(item: dict[str, Any], *pages: str) -> Markup:
    listed = item["per_problem"]
    rows: list[list[object]] = []
    for row in listed[:PROBLEMS]:
        sides = [
            Cell(
                tag("a", tables.passed(row[side]), href=address)
                if (address := tables.address(where, row))
                else tables.passed(row[side]),
                number=True,
                sort=row[side]["c"],
            )
            for side, where in zip(("first", "second"), pages, strict=True)
        ]
        rows.append(
            [
                row["task_id"],
                f"{row['dataset']} {row['language']}",
                *sides,
                Cell(points(row["difference"]), number=True, sort=row["difference"]),
                "stands out" if row["stands_out"] else "",
            ]
        )
    if not rows:
        return Markup("")
    left = len(listed) - len(rows)
    return table(
        f"The first {len(rows)} of {len(listed):,} problems that differ; compare.json has all"
        if left
        else "Problems that differ",
        [
            "problem",
            "language",
            Cell("passed, first"),
            Cell("passed, second"),
            Cell("points"),
            "beyond its samples",
        ],
        rows,
        sortable=True,
        tall=len(rows) > 12,
    )


def verdicts(item: dict[str, Any]) -> list[Markup]:
    """The shift over all common problems with its matrix, then each language's."""
    total = whole(item)
    labels, rows = tables.matrix(total)
    head: list[str | Cell] = ["", Cell("first"), Cell("second"), Cell("shift in points")]
    parts = [
        table("Verdicts of all candidates", head, cells(tables.verdicts(total))),
        tag(
            "details",
            join(
                [
                    tag("summary", "From verdict to verdict"),
                    table(
                        "Percent of the candidates: row in the first run, column in the second",
                        ["", *map(Cell, labels)],
                        cells(rows),
                    ),
                    tag("p", f"Here {tables.paired_by(total)}.", _class="note"),
                ]
            ),
        ),
    ]
    own = [s for s in item["scopes"] if s["kind"] == "language" and not s["whole"]]
    if own:
        shown = [table(s["name"], head, cells(tables.verdicts(s))) for s in own]
        parts.append(tag("details", join([tag("summary", "Verdicts by language"), *shown])))
    return parts
