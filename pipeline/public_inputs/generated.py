"""Tests that a model writes for a problem: the prompt that asks for them, and what is read of them.

The prompt is that of CodeT (Chen et al. 2022, arXiv 2207.10397, section 3.1): the problem's own, an
empty body, a comment that asks to check the function, and the start of an assertion on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.values import Reader, Unreadable, Value
from pipeline.records import Problem

VERSION = "1"  # part of what a generated test means: raised when the prompt changes
ASSERTS = 5  # of each sample: later ones are worse, as CodeT found

_HASH_COMMENTS = ("python", "ruby", "perl")
_EQUALS = re.compile(r"\s*(?:===?|\bis\b)\s*")
_EQUALS_OR_COMMA = re.compile(r"\s*(?:===?|,)\s*")


def prompt(problem: Problem) -> str:
    """What a sample of tests continues, the few-shot header included."""
    comment = "#" if problem.language in _HASH_COMMENTS else "//"
    return (
        f"{problem.prompt.rstrip()}\n{_closing(problem)}\n\n"
        f"{comment} check the correctness of {problem.entry_point}\n{_opening(problem)}"
    )


def tests(problem: Problem, text: str) -> list[Call]:
    """The first assertions of a sample that say what the function gives for plain values."""
    found = []
    for line in f"{_opening(problem)}{text}".splitlines():
        if "assert" in line:
            found += [call for call in [_read(line, problem)] if call is not None]
    return found[:ASSERTS]


def _opening(problem: Problem) -> str:
    return f"assert {problem.entry_point}("


def _closing(problem: Problem) -> str:
    own = problem.prompt[problem.header_chars :]
    if problem.language == "python":
        lines = [line for line in own.splitlines() if line.strip()]
        indent = re.match(r"\s*", lines[-1] if lines else "")
        return f"{(indent[0] if indent else '') or '    '}pass"
    if problem.language == "ruby":
        return "end"
    return "\n".join(_braces(own))


def _braces(text: str) -> Iterator[str]:
    """A closing brace for each that the code before it, comments aside, left open."""
    code = re.sub(r"/\*(?s:.*?)\*/|^[ \t]*(?://|#).*$", "", text, flags=re.MULTILINE)
    for _ in range(code.count("{") - code.count("}")):
        yield "}"


def _read(line: str, problem: Problem) -> Call | None:
    found = re.search(rf"(\bnot\s+|!\s*)?(?:\w+\.)?\b{re.escape(problem.entry_point)}\s*\(", line)
    if not found:
        return None
    reader = Reader(line, problem.language)
    reader.at = found.end()
    try:
        items, keyed, _ = reader.items(")")
        if keyed:
            return None
        args = tuple(value for _, value in items)
        return Call(args, _expected(reader, problem.language, negated=bool(found[1])))
    except Unreadable:
        return None


def _expected(reader: Reader, language: str, negated: bool) -> Value:
    """The value asserted: what is compared with, else that the call gives true (or false)."""
    joint = _EQUALS if language == "python" else _EQUALS_OR_COMMA
    rest = joint.match(reader.text, reader.at)
    if rest:
        if negated:
            raise Unreadable("what a value is not")
        reader.at = rest.end()
        return reader.value()
    if reader.peek() not in ("", ",", ")", ";"):
        raise Unreadable("another comparison")
    return not negated
