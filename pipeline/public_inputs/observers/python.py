"""Python: `check` receives the function, as the published tests' does."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Value
from pipeline.records import Problem

# The function is taken by name before `check` is defined: some problems' own is called `check`.
_TEST = """
_forkeval_function = {entry_point}
def check(_):
    import json, sys
    function = _forkeval_function
    def show(x):
        kind = type(x)
        if x is None or kind in (bool, int, float, str):
            return x
        if kind is list:
            return [show(y) for y in x]
        if isinstance(x, tuple):
            return {{"t": [show(y) for y in x]}}
        if isinstance(x, (set, frozenset)):
            return {{"s": [show(y) for y in x]}}
        if isinstance(x, dict):
            return {{"m": [[show(k), show(v)] for k, v in x.items()]}}
        if isinstance(x, (int, float)):
            return float(x)
        return {{"o": kind.__name__ + " " + (repr(x) if kind is complex else "")}}
    calls = [
{calls}
    ]
    for index, call in enumerate(calls):
        try:
            text = json.dumps(show(call()))
        except Exception:
            text = "!"
        sys.stdout.write("\\n{marker} %d %s\\n" % (index, text))
        sys.stdout.flush()
"""


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    lines = "\n".join(
        f"        lambda: function({', '.join(map(literal, call.args))})," for call in calls
    )
    return _TEST.format(entry_point=problem.entry_point, calls=lines, marker=marker)


def literal(value: Value) -> str:
    match value:
        case Pairs(items):
            return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in items) + "}"
        case Elements(items):
            return "{" + ", ".join(map(literal, items)) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case tuple():
            return "(" + "".join(f"{literal(item)}, " for item in value) + ")"
        case _:
            return repr(value)
