"""What the page's script needs to open any problem: texts, an index, and the boxes to fill."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reports.figures import Document
from reports.html import Markup, anchor, join, tag
from reports.problem_data import KEPT

KEYS = (
    ("/", "search the problems, or the programs of an open one"),
    ("j, k", "next and previous row; in an open problem, program"),
    ("Enter", "open the row or the program"),
    ("n, p", "in an open problem: next and previous problem"),
    ("v", "in an open problem: only programs of the next verdict"),
    ("b", "curves against the next budget"),
    ("t", "theme: auto, light, dark"),
    ("Esc", "close"),
    ("?", "this list"),
)
STATES = (
    ("", "all"),
    ("none", "solved by no sample"),
    ("some", "solved by some"),
    ("all", "solved by all"),
    ("flaky", "changed by a retry"),
)


def finder(doc: Document) -> Markup:
    """Search and filters above the table of problems; shown by the script, which they need."""
    names = list(dict.fromkeys(item["language"] for item in doc["per_problem"]))
    failures = dict.fromkeys(
        name for item in doc["per_problem"] for name in item["verdicts"] if name != "passed"
    )
    states = [
        *STATES,
        *((f"v:{name}", f"some {name.replace('_', ' ')}") for name in sorted(failures)),
    ]
    fields = [
        field("Search", Markup('<input id="find" type="search" autocomplete="off">')),
        field("Language", choices("find-language", [("", "all"), *((n, n) for n in names)])),
        field("Samples", choices("find-state", states)),
        Markup('<output id="found" aria-live="polite"></output>'),
        Markup('<button id="keys-button" type="button">Keys: ?</button>'),
    ]
    return join(
        [
            Markup('<form id="finder" class="finder" role="search" aria-label="Problems" hidden>'),
            *fields,
            Markup('</form><ul id="beyond" class="note" aria-label="Not in the table"></ul>'),
        ]
    )


def field(name: str, control: Markup) -> Markup:
    return tag("label", join([tag("span", name), control]))


def choices(identity: str, options: Sequence[tuple[str, str]]) -> Markup:
    return tag("select", join([tag("option", text, value=v) for v, text in options]), id=identity)


def boxes() -> Markup:
    """The dialogs: an open problem, and the keys."""
    keys = join([tag("dt", tag("kbd", key)) + tag("dd", what) for key, what in KEYS])
    return Markup(
        '<dialog id="problem-box" aria-labelledby="problem-title"><div class="bar-top">'
        '<h2 id="problem-title" tabindex="-1"></h2>'
        '<button type="button" id="previous">Previous</button>'
        '<button type="button" id="next">Next</button>'
        '<button type="button" class="close">Close</button></div>'
        '<div id="problem-body"></div></dialog>'
        '<dialog id="keys-box" aria-labelledby="keys-title"><div class="bar-top">'
        '<h2 id="keys-title">Keys</h2><button type="button" class="close">Close</button></div>'
        f'<dl class="facts">{keys}</dl>'
        '<label><input id="keys-on" type="checkbox" checked> Single letters are keys</label>'
        "</dialog>"
    )


def embedded(doc: Document, lines: Sequence[str]) -> Markup:
    """The index, and a line of compressed texts a problem, as blocks that no browser runs."""
    index = [
        {
            "id": anchor(item),
            **{name: item[name] for name in ("dataset", "language", "task_id", "n", "c")},
            "distinct": item["distinct_programs"],
            "changed": item["changed_by_retry"],
            "verdicts": item["verdicts"],
        }
        for item in doc["per_problem"]
    ]
    return Markup(
        f'<script type="application/json" id="index">{inert(index)}</script>'
        f'<script type="text/plain" id="texts" data-rule="{KEPT}">{chr(10).join(lines)}</script>'
    )


def inert(value: Any) -> str:
    """JSON that cannot end the block it lies in."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
