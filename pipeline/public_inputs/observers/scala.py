"""Scala: inside the object that the prompt opens, and closes it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.public_inputs.values import Unreadable
from pipeline.records import Problem

_TEST = """

    def forkevalText(s: String): String = {{
        val out = new StringBuilder("\\"")
        for (c <- s) {{
            val plain = c >= 32 && c <= 126 && c != '"' && c != '\\\\'
            out.append(if (plain) c.toString else "\\\\" + "u%04x".format(c.toInt))
        }}
        out.append('"').toString
    }}

    def forkevalShow(x: Any): String = x match {{
        case null => "null"
        case None => "null"
        case Some(y) => forkevalShow(y)
        case y: Boolean => y.toString
        case y: Number => y.toString
        case y: String => forkevalText(y)
        case y: Char => forkevalText(y.toString)
        case y: scala.collection.Map[_, _] =>
            "{{\\"m\\":[" + y.toSeq.map {{ case (k, v) =>
                "[" + forkevalShow(k) + "," + forkevalShow(v) + "]"
            }}.mkString(",") + "]}}"
        case y: scala.collection.Set[_] =>
            "{{\\"s\\":[" + y.toSeq.map((z: Any) => forkevalShow(z)).mkString(",") + "]}}"
        case y: scala.collection.Iterable[_] =>
            "[" + y.map((z: Any) => forkevalShow(z)).mkString(",") + "]"
        case y: Array[_] => forkevalShow(y.toList)
        case y: Product => "[" + y.productIterator.map(forkevalShow).mkString(",") + "]"
        case y => "{{\\"o\\":" + forkevalText(y.getClass.getName) + "}}"
    }}

    def forkevalObserve(index: Int, call: () => Any): Unit = {{
        val line = try {{ forkevalShow(call()) }} catch {{
            case error: Exception => "!"
            case error: StackOverflowError => "!"
            case error: NotImplementedError => "!"
        }}
        println("\\n{marker} " + index + " " + line)
        System.out.flush()
    }}

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
_ANY = Type("any", "Any")


class _Form:
    def text(self, value: str) -> str:
        return _typed.text(value)

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"List[{of.written}]({', '.join(items)})"

    def set(self, items: Sequence[str], of: Type) -> str:
        return f"Set[{of.written}]({', '.join(items)})"

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        pairs = ", ".join(f"{k} -> {v}" for k, v in items)
        return f"Map[{key.written}, {value.written}]({pairs})"

    def loose(self, written: str) -> str:
        return written

    def nothing(self, of: Type) -> str:
        if of.kind in ("integer", "real", "truth"):
            raise Unreadable(f"null is no {of.written}")
        return "null"


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(problem.prompt, rf"def\s+{re.escape(name)}\s*\(([^()]*)\)")
    types = [_typed.generic(words.partition(":")[2], _KINDS, "[]") for words in found]
    lines = []
    for index, call in enumerate(calls):
        args = ", ".join(_typed.arguments(call.args, types, _Form(), _ANY))
        lines.append(f"    forkevalObserve({index}, () => {name}({args}))")
    return _TEST.format(calls="\n".join(lines), marker=marker)
