"""The rule of Python: a function ends where the next statement begins at the margin."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.benchmarks.syntax import (
    TRIED,
    WHITE_SPACE,
    Found,
    child_at,
    encoded,
    last_byte,
    parse,
)
from pipeline.records import TruncationRule

if TYPE_CHECKING:
    from tree_sitter import Node

DEFINITIONS = ("function_definition", "class_definition", "decorated_definition")


def sound_end(rule: TruncationRule, prompt: str, text: str) -> int | None:
    """The first line at the margin before which the definition is whole and without error."""
    for start in itertools.islice(_margin_lines(prompt, text), TRIED):
        root = parse(rule.grammar, encoded(prompt + text[:start]))
        if not root.has_error and _definition(root, last_byte(prompt)) is not None:
            return start
    return None


def _margin_lines(prompt: str, text: str) -> Iterator[int]:
    """Where lines begin that are not moved in, empty, comments, or a continued line's rest."""
    start = 0 if not prompt or prompt.endswith("\n") else text.find("\n") + 1 or len(text)
    while start < len(text):
        if text[start] not in WHITE_SPACE + "#" and not text.endswith("\\\n", 0, start):
            yield start
        start = text.find("\n", start) + 1 or len(text)


def _definition(root: Node, position: int) -> int | None:
    """Index of the root's child that is the function or class which the prompt began."""
    index = child_at(root, position)
    return index if index is not None and root.children[index].type in DEFINITIONS else None


def broken_end(
    rule: TruncationRule, prompt: str, source: bytes, head: int
) -> tuple[int | None, Found]:
    """Start of the first statement at the margin after a definition that holds an error.

    Statements moved right of the margin by a wrong indentation stay: they are the function's, and
    Python itself shall say what is wrong with them. Comments at the margin end nothing.

    source: the whole text. head: the prompt's length in it; the end is an index into it too.
    """
    root = parse(rule.grammar, source)
    index = _definition(root, last_byte(prompt))
    for statement in root.children[index + 1 :] if index is not None else ():
        if (
            statement.start_byte >= head
            and statement.start_point.column == 0
            and statement.type != "comment"
            and statement.end_byte > statement.start_byte
        ):
            return statement.start_byte, "function_end"
    return None, "unterminated" if root.has_error else "none"
