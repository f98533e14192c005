"""The sections of the report page, each from the JSON document to markup."""

from __future__ import annotations

from typing import Any

from reports import bars, figures, ranked_figures, rankers
from reports.curve import panel
from reports.figures import Document, evidence, languages, legend, scope_label, whole
from reports.html import (
    DASH,
    Cell,
    Markup,
    amount,
    estimate,
    html,
    interval,
    join,
    percent,
    share,
    signed,
    table,
    tag,
)

# Lines of the ledger that the summary names.
SPENT = (
    ("generated tokens", "generated tokens"),
    ("FLOPs, shared prefix", "arithmetic"),
    ("device seconds", "device time"),
    ("joules", "energy"),
    ("sandbox CPU seconds", "sandbox CPU time"),
    ("money", "money"),
)


def figure(drawing: str, caption: object) -> Markup:
    """A drawing with its caption; nothing where there is nothing to draw."""
    if not drawing:
        return Markup("")
    return tag("figure", join([Markup(drawing), tag("figcaption", caption)]))


def section(identity: str, heading: str, *parts: object) -> Markup:
    return tag("section", join([tag("h2", heading), *parts]), id=identity)


def at_k(curve: dict[str, Any], k: int) -> dict[str, Any]:
    """The point of a curve at k; undefined where the curve has none."""
    if k not in curve["k"]:
        return {"value": None, "low": None, "high": None, "reason": f"not computed at k = {k}"}
    i = curve["k"].index(k)
    return {name: curve[name][i] for name in ("value", "low", "high")} | {"reason": "undefined"}


def best_ranker(doc: Document) -> dict[str, Any] | None:
    """The row of the ranker with the highest pass@1, of those that look at the samples."""
    rows = [
        row
        for row in whole(doc)["ranking"]
        if row["metric"].endswith(" pass@1")
        and not row["metric"].startswith("random")
        and row["value"] is not None
    ]
    return max(rows, key=lambda row: row["value"]) if rows else None


def lead(doc: Document) -> Markup:
    """The run in two sentences."""
    scope = whole(doc)
    names = [scope_label(doc, item) for item in languages(doc)]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    curve = scope["curve"]
    parts: list[object] = [
        f"{doc['samples']:,} candidate programs for {doc['problems']:,} problems in {listed}, "
        f"{doc['n']} {'sample' if doc['n'] == 1 else 'samples'} each. "
    ]
    first, last = curve["value"][0], curve["value"][-1]
    if first is not None and last is not None and doc["n"] > 1:
        parts.append(
            f"One sample solves {percent(first)} % of the problems; "
            f"at least one of {doc['n']} solves {percent(last)} %. "
        )
    best = best_ranker(doc)
    if best and doc["n"] > 1:
        name = best["metric"].removesuffix(" pass@1").replace("_", " ")
        parts.append(f"Picking one program by {name} solves {percent(best['value'])} %.")
    return tag("p", join(parts), _class="lead")


def headline(doc: Document) -> Markup:
    """The numbers to remember, with their intervals."""
    scope = whole(doc)
    metrics = scope["metrics"]
    chosen = metrics if len(metrics) <= 3 else [metrics[0], *metrics[-2:]]
    items = [(row["metric"], row) for row in chosen]
    best = best_ranker(doc)
    if best and doc["n"] > 1:
        name = best["metric"].removesuffix(" pass@1").replace("_", " ")
        items.append((f"pass@1, {name}", best))
    cells = []
    for name, row in items:
        value = (
            join([percent(row["value"]), tag("small", " %")])
            if row["value"] is not None
            else html(DASH)
        )
        if row["low"] is None:
            span: object = row["reason"]
        else:
            span = f"{percent(row['low'])} to {percent(row['high'])}"
        cells.append(
            tag(
                "div",
                join(
                    [
                        tag("dt", name),
                        tag("dd", join([value, tag("span", span, _class="interval")])),
                    ]
                ),
            )
        )
    note = (
        f"Over all problems, with {doc['confidence']:.0%} intervals for problems drawn anew. "
        f"{' '.join(doc['notes'])}"
    )
    return join([tag("dl", join(cells), _class="figures"), tag("p", note, _class="note")])


AXES_SWITCH = '<fieldset id="axes" class="finder" hidden><legend>Budget</legend></fieldset>'


def spent(doc: Document) -> Markup:
    """What the run cost, as far as it is known."""
    lines = {line["name"]: line for line in doc["ledger"]}
    said = []
    for name, words in SPENT:
        line = lines.get(name)
        if line and line["value"] is not None:
            unit = "" if line["unit"] == "tokens" else f" {line['unit']}"
            said.append(f"{words} {amount(line['value'], line['unit'])}{unit}")
    if not said:
        return Markup("")
    return tag("p", join([tag("b", "What it cost: "), f"{', '.join(said)}."]), _class="spent")


def alarm_box(doc: Document) -> Markup:
    if not doc["alarms"]:
        return Markup("")
    items = join([tag("li", line) for line in doc["alarms"]])
    return tag("div", tag("ul", items), _class="alarm", role="note", aria_label="Warnings")


def results(doc: Document) -> Markup:
    names = [row["metric"] for row in whole(doc)["metrics"]]
    scopes = doc["scopes"]
    rows = [
        [
            scope_label(doc, scope),
            Cell(f"{scope['problems']:,}", number=True),
            *(Cell(estimate(row), number=True) for row in scope["metrics"]),
        ]
        for scope in scopes
    ]
    noise: list[list[object]] = [
        [
            scope_label(doc, scope),
            *(
                Cell(
                    tag("span", DASH, title=row["reason"])
                    if row["low"] is None
                    else interval(row["low"], row["high"]),
                    number=True,
                )
                for row in scope["sampling_noise"]
            ),
        ]
        for scope in scopes
    ]
    sums = [i for i, scope in enumerate(scopes) if scope["kind"] != "language"]
    level = f"{doc['confidence']:.0%}"
    return section(
        "results",
        "How often a program passes",
        figure(
            figures.pass_figure(doc),
            f"Unbiased pass@k: the chance that at least one of k samples passes all tests of a "
            f"problem. The band is the {level} interval for problems drawn anew"
            + (" (a problem's languages together)." if len(languages(doc)) > 1 else "."),
        ),
        table(
            f"pass@k in percent, with {level} intervals",
            ["", Cell("problems"), *(Cell(name) for name in names)],
            rows,
            sums=sums,
        ),
        tag("p", doc["intervals"]["over problems"], _class="note"),
        tag(
            "p",
            "Common problems are those that every language of a dataset has; a mean over all "
            "problems would compare different ones.",
            _class="note",
        )
        if any(scope["kind"] == "common" for scope in scopes)
        else "",
        table(
            f"Sampling noise: {level} intervals of pass@k on these very problems",
            ["", *(Cell(name) for name in names)],
            noise,
            sums=sums,
        ),
        tag("p", doc["intervals"]["sampling noise"], _class="note"),
    )


def compute(doc: Document) -> Markup:
    panels = figures.budget_curves(doc)
    shown = {axis for axis, _, _ in panels}
    drawn = [
        tag("figure", join([tag("h3", heading), Markup(panel(curve))]), data_axis=axis)
        for axis, heading, curve in panels
    ]
    notes = []
    device = doc["device_seconds"]
    if device["model"]:
        model = device["model"]
        notes.append(
            f"Device time is measured at k = {doc['n']} and elsewhere predicted, never scaled: "
            f"seconds a decode step, row and cached token were fitted to "
            f"{model['stretches']} timed stretches (non-negative least squares on relative "
            f"errors) and applied to a simulated schedule of the samples' own lengths. "
            f"On stretches held out, a fifth at a time, the mean error is "
            f"{percent(model['held_out_mape'])} % (R\N{SUPERSCRIPT TWO} "
            f"{signed(model['held_out_r2'], 2)}); at k = {doc['n']} the prediction is "
            f"{signed(100 * model['error_at_n'])} % off."
        )
    if device["reason"] and device["k"]:
        notes.append(
            f"Device time was measured at k = {device['k'][0]}: "
            f"{device['seconds'][0]:.3g} s a problem."
        )
    if device["reason"]:
        notes.append(f"Device time at other k is not predicted: {device['reason']}.")
    if "money" not in shown and doc["n"] > 1:
        notes.append("There is no curve for money: no price is configured, or a part is unknown.")
    if doc["n"] == 1:
        notes.append("One sample a problem gives no curves.")
    elif "tokens" not in shown:
        notes.append("There is no curve for tokens: none were counted, or pass@k is undefined.")
    key = legend(
        [
            ("t0", "billed: every sample pays for its prompt"),
            ("t1", "shared prefix: a prompt is paid once"),
            *(
                [("t1 dash", "the same token budget for every problem")]
                if doc["equal_budget"]
                else []
            ),
        ]
    )
    return section(
        "compute",
        "What compute buys",
        tag(
            "p",
            "pass@k over all problems against what k samples of each problem cost. A budget B buys "
            "k = \N{LEFT FLOOR}(B \N{MINUS SIGN} prefix) / own\N{RIGHT FLOOR} samples; below one "
            "sample nothing is defined, so the curves begin there.",
        ),
        Markup(key) if drawn else "",
        Markup(AXES_SWITCH),
        tag(
            "div",
            join([*drawn, tag("div", join([tag("p", n, _class="note") for n in notes]))]),
            _class="panels",
        ),
        ranked(doc),
    )


def ranked(doc: Document) -> Markup:
    """What choosing among k samples gives, against each budget; folded, for there are many."""
    panels = [
        tag("figure", join([tag("h3", heading), Markup(drawing)]))
        for heading, drawing in ranked_figures.panels(doc)
    ]
    if not panels:
        return Markup("")
    note = (
        "Of k samples, ranked among themselves; what the ranker asked and ran is in the budget. "
        "Dashed: the same token budget for every problem, spent in random order."
    )
    body = [tag("summary", "After ranking, against each budget"), tag("p", note, _class="note")]
    return tag("details", join([*body, tag("div", join(panels), _class="panels")]))


def ranking(doc: Document) -> Markup:
    scope = whole(doc)
    listed = rankers.rows(doc)
    names = [name for name, _, _, _ in listed]
    rows: list[list[object]] = [
        [
            name.replace("_", " "),
            Cell(estimate(one), number=True),
            Cell(estimate(three), number=True),
            cost,
        ]
        for name, one, three, cost in listed
    ]
    oracle = next(row for row in scope["ranking"] if row["metric"] == "oracle")
    top = Cell(estimate(oracle), number=True)
    rows.append(["oracle (upper bound)", top, top, ""])
    drawn = [Cell(estimate(at_k(scope["curve"], k)), number=True) for k in doc["top"]]
    rows.append(["samples as drawn: pass@1, pass@3", *drawn, ""])
    by_language: list[list[object]] = []
    for item in doc["scopes"]:
        found = {row["metric"]: row for row in item["ranking"]}
        cells = (Cell(estimate(found[f"{name} pass@1"]), number=True) for name in names)
        by_language.append([scope_label(doc, item), *cells])
    return section(
        "ranking",
        "What choosing is worth",
        figure(
            bars.ranking_figure(doc),
            "pass@1 after ranking the distinct programs of each problem, between a random choice "
            "among them and the oracle, which picks a passing program wherever there is one. Equal "
            "scores count as the expectation over random order.",
        ),
        table(
            "Over all problems, in percent",
            ["ranker", Cell("pass@1"), Cell("pass@top3"), "cost beside sampling"],
            rows,
        ),
        tag("p", rankers.explained(doc), _class="note"),
        table(
            "pass@1 after ranking by language, in percent",
            ["", *(Cell(name.replace("_", " ")) for name in names)],
            by_language,
        )
        if len(doc["scopes"]) > 1 and names
        else "",
    )


def verdicts(doc: Document) -> Markup:
    rows: list[list[object]] = []
    for scope in languages(doc):
        facts = scope["verdicts"]
        rows.append(
            [
                scope_label(doc, scope),
                Cell(f"{facts['samples']:,}", number=True),
                Cell(f"{facts['distinct_programs']:,}", number=True),
                Cell(
                    f"{facts['saved']:,} ({percent(share(facts['saved'], facts['samples']), 0)} %)",
                    number=True,
                ),
                Cell(f"{percent(facts['truncation_rate'])} %", number=True),
                Cell(f"{percent(facts['unterminated_rate'])} %", number=True),
                Cell(f"{facts['timeouts_first']:,}", number=True),
                Cell(f"{facts['changed_by_retry']:,}", number=True),
            ]
        )
    return section(
        "verdicts",
        "What became of the candidates",
        figure(bars.verdict_bars(doc), "Verdicts of all samples, by language."),
        table(
            "Execution and truncation",
            [
                "",
                Cell("samples"),
                Cell("distinct programs"),
                Cell("executions saved"),
                Cell("cut by the token limit"),
                Cell("no end found"),
                Cell("timeouts at first"),
                Cell("changed by a retry"),
            ],
            rows,
        ),
        tag(
            "p",
            f"{evidence(doc)} "
            "Equal programs of a problem run once and count as often as they were drawn. Timeouts "
            "are retried alone; the last two columns count samples. Above 5 % truncation the "
            "scores are suspect, and the page says so at its top.",
            _class="note",
        ),
    )
