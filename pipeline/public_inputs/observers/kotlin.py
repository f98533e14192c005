"""Kotlin."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.records import Problem

_TEST = """

fun forkevalText(s: String): String {{
    val out = StringBuilder("\\"")
    for (c in s) {{
        val plain = c.code in 32..126 && c != '"' && c != '\\\\'
        out.append(if (plain) c.toString() else String.format("\\\\u%04x", c.code))
    }}
    return out.append('"').toString()
}}

fun forkevalShow(x: Any?): String = when (x) {{
    null -> "null"
    is Boolean, is Number -> x.toString()
    is String, is Char -> forkevalText(x.toString())
    is Set<*> -> "{{\\"s\\":[" + x.joinToString(",") {{ forkevalShow(it) }} + "]}}"
    is Collection<*> -> "[" + x.joinToString(",") {{ forkevalShow(it) }} + "]"
    is Map<*, *> -> "{{\\"m\\":[" + x.entries.joinToString(",") {{
        "[" + forkevalShow(it.key) + "," + forkevalShow(it.value) + "]"
    }} + "]}}"
    is Array<*> -> forkevalShow(x.toList())
    is IntArray -> forkevalShow(x.toList())
    is DoubleArray -> forkevalShow(x.toList())
    is Pair<*, *> -> forkevalShow(x.toList())
    is Triple<*, *, *> -> forkevalShow(x.toList())
    else -> "{{\\"o\\":" + forkevalText(x.javaClass.name) + "}}"
}}

fun forkevalObserve(index: Int, call: () -> Any?) {{
    var line = "!"
    try {{
        line = forkevalShow(call())
    }} catch (error: Exception) {{
    }} catch (error: StackOverflowError) {{
    }} catch (error: NotImplementedError) {{
    }}
    println("\\n{marker} " + index + " " + line)
    System.out.flush()
}}

fun main() {{
{calls}
}}
"""
_KINDS = {
    "Int": "integer",
    "Double": "real",
    "String": "text",
    "Boolean": "truth",
    "Any": "any",
    "List": _typed.LISTS,
    "Set": _typed.SETS,
    "Map": _typed.MAPS,
}
_ANY = Type("any", "Any?")


class _Form:
    def text(self, value: str) -> str:
        return _typed.text(value, "$")

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"mutableListOf<{_nullable(of, items)}>({', '.join(items)})"

    def set(self, items: Sequence[str], of: Type) -> str:
        return f"mutableSetOf<{_nullable(of, items)}>({', '.join(items)})"

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        pairs = ", ".join(f"{k} to {v}" for k, v in items)
        kept = _nullable(value, [v for _, v in items])
        return f"mutableMapOf<{_nullable(key, [k for k, _ in items])}, {kept}>({pairs})"

    def loose(self, written: str) -> str:
        return written

    def nothing(self, of: Type) -> str:
        return "null"


def _nullable(of: Type, items: Sequence[str]) -> str:
    return f"{of.written.removesuffix('?')}{'?' if 'null' in items else ''}"


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(problem.prompt, rf"fun\s+{re.escape(name)}\s*\(([^()]*)\)")
    types = [_typed.generic(words.partition(":")[2], _KINDS) for words in found]
    lines = []
    for index, call in enumerate(calls):
        args = ", ".join(_typed.arguments(call.args, types, _Form(), _ANY))
        lines.append(f"    forkevalObserve({index}) {{ {name}({args}) }}")
    return _TEST.format(calls="\n".join(lines), marker=marker)
