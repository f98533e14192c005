"""Swift: a trap ends the program, so each value is flushed at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _typed
from pipeline.public_inputs.observers._typed import Type
from pipeline.public_inputs.values import Unreadable
from pipeline.records import Problem

_TEST = """

import Glibc

func forkevalText(_ s: String) -> String {{
    var out = "\\""
    for u in s.utf16 {{
        if u >= 32 && u <= 126 && u != 34 && u != 92 {{
            out += String(UnicodeScalar(UInt8(u)))
        }} else {{
            let digits = String(u, radix: 16)
            out += "\\\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }}
    }}
    return out + "\\""
}}

func forkevalShow(_ x: Any) -> String {{
    if let y = x as? AnyHashable, type(of: x) == AnyHashable.self {{ return forkevalShow(y.base) }}
    let mirror = Mirror(reflecting: x)
    if mirror.displayStyle == .optional {{
        return mirror.children.isEmpty ? "null" : forkevalShow(mirror.children.first!.value)
    }}
    if let y = x as? Bool {{ return y ? "true" : "false" }}
    if let y = x as? Int {{ return String(y) }}
    if let y = x as? Double {{
        return y.isNaN ? "NaN" : y.isInfinite ? (y > 0 ? "Infinity" : "-Infinity") : "\\(y)"
    }}
    if let y = x as? String {{ return forkevalText(y) }}
    if let y = x as? Character {{ return forkevalText(String(y)) }}
    if mirror.displayStyle == .collection || mirror.displayStyle == .tuple {{
        return "[" + mirror.children.map {{ forkevalShow($0.value) }}.joined(separator: ",") + "]"
    }}
    if mirror.displayStyle == .set {{
        let items = mirror.children.map {{ forkevalShow($0.value) }}.joined(separator: ",")
        return "{{\\"s\\":[" + items + "]}}"
    }}
    if mirror.displayStyle == .dictionary {{
        let items = mirror.children.map {{ forkevalShow($0.value) }}.joined(separator: ",")
        return "{{\\"m\\":[" + items + "]}}"
    }}
    return "{{\\"o\\":" + forkevalText("\\(type(of: x))") + "}}"
}}

func forkevalObserve(_ index: Int, _ value: Any) {{
    print("\\n{marker} \\(index) " + forkevalShow(value))
    fflush(stdout)
}}

{calls}
"""
_KINDS = {
    "Int": "integer",
    "Double": "real",
    "String": "text",
    "Bool": "truth",
    "AnyHashable": "any",
    "Set": _typed.SETS,
}
_ANY = Type("any", "AnyHashable")


class _Form:
    def text(self, value: str) -> str:
        return re.sub(r"\\u([0-9a-f]{4})", r"\\u{\1}", _typed.text(_whole(value)))

    def list(self, items: Sequence[str], of: Type) -> str:
        return f"([{', '.join(items)}] as [{of.written}])"

    def set(self, items: Sequence[str], of: Type) -> str:
        return f"([{', '.join(items)}] as Set<{of.written}>)"

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str:
        pairs = ", ".join(f"{k}: {v}" for k, v in items) or ":"
        return f"([{pairs}] as [{key.written}: {value.written}])"

    def loose(self, written: str) -> str:
        return f"AnyHashable({written})"

    def nothing(self, of: Type) -> str:
        raise Unreadable(f"nil is no {of.written}")


def _whole(value: str) -> str:
    """Raises Unreadable for characters that need two escapes."""
    if any(ord(mark) > 0xFFFF for mark in value):
        raise Unreadable("a character outside the basic plane")
    return value


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    found = _typed.parameters(problem.prompt, rf"func\s+{re.escape(name)}\s*\(([^()]*)\)")
    labels = [words.partition(":")[0].split()[0] for words in found]
    types = [_type(words.partition(":")[2]) for words in found]
    lines = []
    for index, call in enumerate(calls):
        given = _typed.arguments(call.args, types, _Form(), _ANY)
        args = ", ".join(
            value if label == "_" else f"{label}: {value}"
            for label, value in zip(labels, given, strict=True)
        )
        lines.append(f"forkevalObserve({index}, {name}({args}) as Any)")
    return _TEST.format(calls="\n".join(lines), marker=marker)


def _type(written: str) -> Type:
    bare = written.strip()
    if bare.startswith("[") and bare.endswith("]"):
        inside = bare[1:-1]
        depth = 0
        for at, mark in enumerate(inside):
            depth += {"[": 1, "]": -1}.get(mark, 0)
            if mark == ":" and not depth:
                key, value = _type(inside[:at]), _type(inside[at + 1 :])
                return Type(_typed.MAPS, bare, (key, value))
        return Type(_typed.LISTS, bare, (_type(inside),))
    return _typed.generic(bare, _KINDS)
