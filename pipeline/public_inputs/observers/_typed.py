"""Arguments in the types that a signature asks for: what the typed languages have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.public_inputs.values import Elements, Pairs, Unreadable, Value

LISTS, SETS, MAPS = "list", "set", "map"


@dataclass(frozen=True, slots=True)
class Type:
    """A parameter's type. kind: integer, real, truth, text, any, list, set or map."""

    kind: str
    written: str  # as the language writes it
    inner: tuple[Type, ...] = ()


class Form(Protocol):
    """How a language writes values."""

    def text(self, value: str) -> str: ...

    def list(self, items: Sequence[str], of: Type) -> str: ...

    def set(self, items: Sequence[str], of: Type) -> str: ...

    def map(self, items: Sequence[tuple[str, str]], key: Type, value: Type) -> str: ...

    def loose(self, written: str) -> str:
        """A value where any type may stand."""

    def nothing(self, of: Type) -> str:
        """Raises Unreadable where the type has no such value."""


def literal(value: Value, of: Type, form: Form, any_type: Type) -> str:
    """The value as an expression. any_type: what stands inside an untyped list or map.

    Raises Unreadable where it is no value of the type.
    """

    def inner(at: int) -> Type:
        return of.inner[at] if of.inner else any_type

    def loose(written: str) -> str:
        return form.loose(written) if of.kind == "any" else written

    def items(values: Sequence[Value], each: Type) -> list[str]:
        return [literal(item, each, form, any_type) for item in values]

    match value:
        case None:
            return form.nothing(of)
        case bool() if of.kind in ("truth", "any"):
            return loose("true" if value else "false")
        case bool():
            pass
        case int() if of.kind in ("integer", "any"):
            if not -(2**31) <= value < 2**31:
                raise Unreadable(f"{value} is no {of.written}")
            return loose(str(value))
        case int() | float() if of.kind == "real" or (
            of.kind == "any" and isinstance(value, float)
        ):
            return loose(repr(float(value)))
        case str() if of.kind in ("text", "any"):
            return loose(form.text(value))
        case list() | tuple() if of.kind in (LISTS, "any"):
            return loose(form.list(items(value, inner(0)), inner(0)))
        case Elements(found) if of.kind in (SETS, "any"):
            return loose(form.set(items(found, inner(0)), inner(0)))
        case Pairs(found) if of.kind in (MAPS, "any"):
            keys = items([key for key, _ in found], inner(0))
            values = items([item for _, item in found], inner(1 if of.inner else 0))
            pairs = list(zip(keys, values, strict=True))
            return loose(form.map(pairs, inner(0), inner(1 if of.inner else 0)))
    raise Unreadable(f"{value!r} is no {of.written}")


def text(value: str, escaped: str = "") -> str:
    """A string in double quotes, in ASCII; the characters of `escaped` behind a backslash too."""
    quoted = json.dumps(value).replace("\\b", "\\u0008").replace("\\f", "\\u000c")
    for mark in escaped:
        quoted = quoted.replace(mark, "\\" + mark)
    return quoted


def split(written: str) -> list[str]:
    """At the commas outside brackets."""
    parts, depth = [""], 0
    for mark in written:
        depth += {"<": 1, "[": 1, "(": 1, ">": -1, "]": -1, ")": -1}.get(mark, 0)
        if mark == "," and not depth:
            parts.append("")
        else:
            parts[-1] += mark
    return [part.strip() for part in parts if part.strip()]


def generic(written: str, kinds: Mapping[str, str], brackets: str = "<>") -> Type:
    """The type of a text such as ``List<Int>``. kinds: of the language's names.

    Raises Unreadable for a name that is not there.
    """
    bare = written.strip().removesuffix("?").strip()
    found = re.fullmatch(rf"([\w{{}}]+)\s*(?:\{brackets[0]}(.*)\{brackets[1]})?", bare, re.DOTALL)
    if not found or found[1] not in kinds:
        raise Unreadable(f"{written} is no type of plain values")
    inner = tuple(generic(part, kinds, brackets) for part in split(found[2] or ""))
    if len(inner) != {LISTS: 1, SETS: 1, MAPS: 2}.get(kinds[found[1]], 0):
        raise Unreadable(f"{written} is no type of plain values")
    return Type(kinds[found[1]], bare, inner)


def parameters(prompt: str, pattern: str) -> list[str]:
    """The parameters of the last match of a signature's pattern, whose first group they are.

    Raises Unreadable where the prompt shows none.
    """
    found = list(re.finditer(pattern, prompt, re.DOTALL))
    if not found:
        raise Unreadable("the prompt shows no signature")
    return split(found[-1][1])


def arguments(
    values: Sequence[Value], types: Sequence[Type], form: Form, any_type: Type
) -> list[str]:
    if len(values) != len(types):
        raise Unreadable(f"{len(values)} arguments for {len(types)} parameters")
    return [literal(v, of, form, any_type) for v, of in zip(values, types, strict=True)]
