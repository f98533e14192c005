"""What JavaScript and TypeScript have in common."""

from __future__ import annotations

import json

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Value

# `{any}` is TypeScript's annotation: its compiler would refuse nothing, but complain.
TEST = """
;(() => {{
    const show = (x{any}){any} => {{
        if (x === undefined || x === null) return "null";
        if (typeof x === "number") return Object.is(x, -0) ? "0" : String(x);
        if (typeof x === "string" || typeof x === "boolean") return JSON.stringify(x);
        if (typeof x === "bigint") return x.toString();
        if (Array.isArray(x)) return "[" + Array.from(x, show).join(",") + "]";
        if (x instanceof Set) return '{{"s":[' + Array.from(x as_any, show).join(",") + "]}}";
        const pairs{any} = x instanceof Map ? Array.from(x as_any) : typeof x === "object"
            ? Object.keys(x).map((key) => [key, x[key]]) : null;
        if (pairs === null) return '{{"o":"' + typeof x + '"}}';
        const shown = pairs.map((p{any}) => "[" + show(p[0]) + "," + show(p[1]) + "]");
        return '{{"m":[' + shown.join(",") + "]}}";
    }};
    const calls{any} = [
{calls}
    ];
    calls.forEach((call{any}, index{any}) => {{
        let text = "!";
        try {{ text = show(call()); }} catch (error) {{}}
        console.log("\\n{marker} " + index + " " + text);
    }});
}})();
"""


def text(calls: list[str], marker: str, typed: bool) -> str:
    lines = "\n".join(f"        () => {call}," for call in calls)
    template = TEST.replace(" as_any", " as any" if typed else "")
    return template.format(any=": any" if typed else "", calls=lines, marker=marker)


def literal(value: Value, maps: bool) -> str:
    """maps: whether a map is a Map; else a plain object."""

    def inner(item: Value) -> str:
        return literal(item, maps)

    match value:
        case Pairs(items) if maps:
            return "new Map([" + ", ".join(f"[{inner(k)}, {inner(v)}]" for k, v in items) + "])"
        case Pairs(items):
            return "({" + ", ".join(f"[{inner(k)}]: {inner(v)}" for k, v in items) + "})"
        case Elements(items):
            return "new Set([" + ", ".join(map(inner, items)) + "])"
        case list() | tuple():
            return "[" + ", ".join(map(inner, value)) + "]"
        case None:
            return "null"
        case _:
            return json.dumps(value)


def arguments(call: Call, maps: bool) -> str:
    return ", ".join(literal(value, maps) for value in call.args)
