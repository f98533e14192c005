"""Documented examples to calls: the arguments, and the value where one is given."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.public_inputs.values import Reader, Unreadable, Value, read

_MARK = re.compile(r"^\s*(?:>>>|(?:php|irb)?\s*>)\s*")
_VALUE_MARK = re.compile(r"^\s*(?:=>|>>>|(?:php|irb)?\s*>(?!\S*\())\s*")


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for a value that an example does not give."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a problem's function. `expected`: the documented value, or ABSENT."""

    args: tuple[Value, ...]
    expected: Value = ABSENT


def parse(example: str, entry_point: str, language: str) -> Call | None:
    """The call that an example of `Problem.public_examples` documents.

    None for what is no call of the problem's function on plain values. The function may go by
    another spelling of its name (``below_zero`` for ``belowZero``), as translated prompts do. The
    value stands on the next lines, or behind ``==`` on the same one; one that is not plain (a
    sentence, a name) counts as absent.
    """
    text = _MARK.sub("", example, count=1)
    found = re.match(r"(?:\w+\.)?(\w+)\s*\(", text)
    if not found or _plain(found[1]) != _plain(entry_point):
        return None
    reader = Reader(text, language)
    reader.at = found.end()
    try:
        items, keyed, _ = reader.items(")")
    except Unreadable:
        return None
    if keyed:
        return None
    args = tuple(value for _, value in items)
    rest = _VALUE_MARK.sub("", text[reader.at :].removeprefix(" ==").lstrip(" "), count=1).strip()
    try:
        return Call(args, read(_VALUE_MARK.sub("", rest, count=1), language))
    except Unreadable:
        return Call(args)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
