"""The rule of most languages: a function ends with the brace, or the `end`, that closes it.

Where a prompt opens one thing inside another, two rules differ. Under `function` the completion
closes the innermost: C# tests go on inside the class, Scala tests inside the object. Under
`outermost` it closes them all: Java tests begin with a class of their own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.benchmarks.syntax import TRIED, Found, child_at, encoded, last_byte, parse
from pipeline.records import TruncationRule

if TYPE_CHECKING:
    from tree_sitter import Node


def sound_end(rule: TruncationRule, prompt: str, text: str) -> int | None:
    """Behind the first `}` or `end` that closes what the prompt began, if all before it is sound.

    A semicolon right behind a brace belongs to it (`const f = function () {...};`).
    """
    opened, mine = _opened(rule, prompt)
    around = b"\n}" * opened.index(mine) if mine is not None else b""  # what the test closes
    closers = re.finditer("}" if opened else r"}|\bend\b", text)
    for closer in itertools.islice(closers, TRIED):
        source = encoded(prompt + text[: closer.end()])
        root = parse(rule.grammar, source + around)
        if not root.has_error and _closes(root, len(source), mine, last_byte(prompt)):
            return closer.end() + text.startswith(";", closer.end())
    return None


def broken_end(
    rule: TruncationRule, prompt: str, source: bytes, head: int
) -> tuple[int | None, Found]:
    """The same end in a text with errors, whose tree says little: braces are counted.

    The parser still tells them from those in strings and comments. Where the prompt left no brace
    open, it is the end of the construct's node, or the first `end` at the margin.

    source: the whole text. head: the prompt's length in it; the end is an index into it too.
    """
    root = parse(rule.grammar, source)
    _, mine = _opened(rule, prompt)
    if mine is not None:
        end = _braces(root)[1].get(mine)
        if end is None or end <= head:
            return None, "unterminated"
        return end + source.startswith(b";", end), "function_end"
    if not parse(rule.grammar, encoded(prompt)).has_error:
        return None, "none"  # the prompt opened nothing: a comment, a whole statement
    index = child_at(root, last_byte(prompt))
    outer = None if index is None or root.is_error else root.children[index]
    if outer is not None and not outer.has_error and outer.end_byte > head:
        return outer.end_byte, "function_end"
    margin = re.compile(rb"^end\b", re.MULTILINE).search(source, head)
    return (margin.end(), "function_end") if margin else (None, "unterminated")


def _opened(rule: TruncationRule, prompt: str) -> tuple[list[int], int | None]:
    """Where the prompt's open braces are, outermost first, and the one that the completion closes.

    None where the prompt left none open: `def ... end`, a signature without its brace, a comment.
    """
    opened, _ = _braces(parse(rule.grammar, encoded(prompt)))
    if not opened:
        return opened, None
    return opened, opened[-1] if rule.end == "function" else opened[0]


def _braces(root: Node) -> tuple[list[int], dict[int, int]]:
    """Starts of the braces left open, outermost first; of those closed, the end by the start."""
    opened: list[int] = []
    closed: dict[int, int] = {}
    for start, text in _tokens(root):
        if text.endswith(b"{"):
            opened.append(start)
        elif text == b"}" and opened:
            closed[opened.pop()] = start + 1
    return opened, closed


def _closes(root: Node, end: int, mine: int | None, position: int) -> bool:
    """Whether the token that ends at `end` closes the brace that begins at `mine`.

    Where that is None, whether the construct that covers the byte `position` ends there.
    """
    if mine is None:
        index = child_at(root, position)
        return index is not None and root.children[index].end_byte == end
    node = root.descendant_for_byte_range(end - 1, end)
    if node is None or node.text != b"}":
        return False
    # Not the parent alone: some grammars hang the brace into the last statement.
    while node is not None:
        for child in node.children:
            if not child.child_count and (child.text or b"").endswith(b"{"):
                return child.start_byte == mine
        node = node.parent
    return False


def _tokens(root: Node) -> Iterator[tuple[int, bytes]]:
    """Start and text of the punctuation and keywords, in order; not names, literals, comments.

    A parser may give a broken text up and leave the rest out of its tree: braces there are given
    as they stand.
    """
    stack, seen, source = [root], root.start_byte, root.text or b""
    while stack:
        node = stack.pop()
        if node.child_count:
            stack.extend(reversed(node.children))
            continue
        yield from _left_out(source, root.start_byte, seen, node.start_byte)
        seen = max(seen, node.end_byte)
        if not node.is_named and node.end_byte > node.start_byte:
            yield node.start_byte, node.text or b""
    yield from _left_out(source, root.start_byte, seen, root.end_byte)


def _left_out(source: bytes, origin: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The braces from `start` to `end`, in bytes of a text whose part `source` is from `origin`."""
    for brace in re.finditer(rb"[{}]", source[start - origin : max(start, end) - origin]):
        yield start + brace.start(), brace[0]
