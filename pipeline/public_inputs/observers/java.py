"""Java: arguments are written in the types that the function's signature asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Elements, Pairs, Unreadable, Value
from pipeline.records import Problem

_TEST = """

class Main {{
    static String text(String s) {{
        StringBuilder out = new StringBuilder("\\"");
        for (char c : s.toCharArray()) {{
            boolean plain = c >= 32 && c <= 126 && c != '"' && c != '\\\\';
            out.append(plain ? String.valueOf(c) : String.format("\\\\u%04x", (int) c));
        }}
        return out.append('"').toString();
    }}

    static String join(java.util.Collection<?> items) {{
        StringBuilder out = new StringBuilder();
        for (Object item : items) out.append(out.length() > 0 ? "," : "").append(show(item));
        return out.toString();
    }}

    static String show(Object x) {{
        if (x == null) return "null";
        if (x instanceof Boolean || x instanceof Number) return x.toString();
        if (x instanceof String || x instanceof Character) return text(x.toString());
        if (x instanceof java.util.Set) return "{{\\"s\\":[" + join((java.util.Set<?>) x) + "]}}";
        if (x instanceof java.util.Collection) return "[" + join((java.util.Collection<?>) x) + "]";
        if (x instanceof java.util.Map) {{
            java.util.List<Object> pairs = new java.util.ArrayList<>();
            for (java.util.Map.Entry<?, ?> e : ((java.util.Map<?, ?>) x).entrySet())
                pairs.add(java.util.Arrays.asList(e.getKey(), e.getValue()));
            return "{{\\"m\\":[" + join(pairs) + "]}}";
        }}
        if (x.getClass().isArray()) {{
            java.util.List<Object> items = new java.util.ArrayList<>();
            for (int i = 0; i < java.lang.reflect.Array.getLength(x); i++)
                items.add(java.lang.reflect.Array.get(x, i));
            return "[" + join(items) + "]";
        }}
        return "{{\\"o\\":" + text(x.getClass().getName()) + "}}";
    }}

    interface Call {{ Object make() throws Exception; }}

    static void observe(int index, Call call) {{
        String line = "!";
        try {{ line = show(call.make()); }} catch (Exception | StackOverflowError error) {{ }}
        System.out.println("\\n{marker} " + index + " " + line);
        System.out.flush();
    }}

    @SafeVarargs
    static <T> java.util.List<T> list(T... items) {{
        return new java.util.ArrayList<>(java.util.Arrays.asList(items));
    }}

    static <K, V> java.util.HashMap<K, V> map(java.util.List<K> keys, java.util.List<V> values) {{
        java.util.HashMap<K, V> made = new java.util.HashMap<>();
        for (int i = 0; i < keys.size(); i++) made.put(keys.get(i), values.get(i));
        return made;
    }}

    public static void main(String[] args) throws Exception {{
{calls}
    }}
}}
"""


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    where, types = signature(problem)
    lines = []
    for index, call in enumerate(calls):
        if len(call.args) != len(types):
            raise Unreadable(f"{len(call.args)} arguments for {len(types)} parameters")
        args = ", ".join(literal(value, kind) for value, kind in zip(call.args, types, strict=True))
        lines.append(f"        observe({index}, () -> {where}.{problem.entry_point}({args}));")
    return _TEST.format(calls="\n".join(lines), marker=marker)


def signature(problem: Problem) -> tuple[str, list[str]]:
    """The class and the parameters' types that a prompt shows."""
    found = list(
        re.finditer(
            rf"\b{re.escape(problem.entry_point)}\s*\(([^()]*)\)\s*(?:throws \w+\s*)?\{{",
            problem.prompt,
        )
    )
    classes = re.findall(r"^\s*(?:public )?class (\w+)", problem.prompt, re.MULTILINE)
    if not found or not classes:
        raise Unreadable("the prompt shows no signature")
    parameters = [p.split() for p in split(found[-1][1])]
    return classes[-1], [" ".join(words[:-1]) for words in parameters]


def split(text: str) -> list[str]:
    """At the commas outside angle brackets."""
    parts, depth = [""], 0
    for mark in text:
        depth += {"<": 1, ">": -1}.get(mark, 0)
        if mark == "," and not depth:
            parts.append("")
        else:
            parts[-1] += mark
    return [part.strip() for part in parts if part.strip()]


def literal(value: Value, kind: str) -> str:
    """The value as an expression of a type. Raises Unreadable where it is no value of that type."""
    outer, _, inside = kind.replace(" ", "").partition("<")
    inner = split(inside[:-1]) if inside else []
    match value:
        case None:
            return "null"
        case bool() if outer in ("boolean", "Boolean", "Object"):
            return "true" if value else "false"
        case bool():
            pass
        case int() | float() if outer in ("double", "Double", "float", "Float"):
            suffix = "f" if outer in ("float", "Float") else ""
            return f"{float(value)!r}{suffix}"
        case float() if outer in ("Object", "Number"):
            return repr(value)
        case int() if outer in ("int", "Integer", "Object", "Number", "long", "Long"):
            wide = outer in ("long", "Long") or not -(2**31) <= value < 2**31
            if (wide and outer in ("int", "Integer")) or not -(2**63) <= value < 2**63:
                raise Unreadable(f"{value} is no {outer}")
            return f"{value}L" if wide else str(value)
        case str() if outer in ("String", "Object"):
            return json.dumps(value).replace("\\b", "\\u0008")
        case str() if outer in ("char", "Character") and len(value) == 1:
            return "'" + ("\\'" if value == "'" else json.dumps(value)[1:-1]) + "'"
        case list() | tuple() if outer in ("List", "ArrayList", "Object", "Collection"):
            of = inner[0] if inner else "Object"
            items = ", ".join(literal(item, of) for item in value)
            cast = "(ArrayList<" + of + ">) " if outer == "ArrayList" else ""
            return f"{cast}Main.<{of}>list({items})"
        case Elements(items) if outer in ("Set", "HashSet", "Object"):
            of = inner[0] if inner else "Object"
            listed = ", ".join(literal(item, of) for item in items)
            return f"new java.util.HashSet<{of}>(Main.<{of}>list({listed}))"
        case Pairs(items) if outer in ("Map", "HashMap", "Object"):
            k, v = inner if len(inner) == 2 else ("Object", "Object")
            keys = literal([key for key, _ in items], f"List<{k}>")
            values = literal([item for _, item in items], f"List<{v}>")
            return f"Main.<{k}, {v}>map({keys}, {values})"
    raise Unreadable(f"{value!r} is no {kind}")
