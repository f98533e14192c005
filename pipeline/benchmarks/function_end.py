"""Where the construct that a prompt began ends in its completion, by parsing with tree-sitter."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Literal

from tree_sitter import Language, Node, Parser

from pipeline.records import UserError

WHITE_SPACE = " \t\r\n\f\v"
PYTHON_DEFINITIONS = ("function_definition", "class_definition", "decorated_definition")

Found = Literal["function_end", "none", "unterminated"]


def function_end(rule: str, prompt: str, text: str) -> tuple[int | None, Found]:
    """Index in `text` where what the prompt began ends; where there is none, what that means.

    rule: ``python`` (by indentation), ``none`` (never), or the name of a tree-sitter grammar, whose
    package is ``tree_sitter_<rule>``. Raises UserError where that is not installed.
    """
    if rule == "none":
        return None, "none"
    if rule == "python":
        clean = _clean_end(prompt, text)
        if clean is not None:
            return clean, "function_end"
    head = _length(prompt)
    source = _encoded(prompt + text)
    root = _parser(rule).parse(source).root_node
    find = _python_end if rule == "python" else _block_end
    end, kind = find(root, _opened(prompt), head)
    if end is None:
        return None, kind
    return len(source[head:end].decode("utf-8", "surrogatepass")), kind


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _length(text: str) -> int:
    return len(_encoded(text))


def _opened(prompt: str) -> int:
    """The prompt's last byte that is not white space: what covers it is what the prompt began."""
    return _length(prompt.rstrip(WHITE_SPACE)) - 1


def _parser(rule: str) -> Parser:
    # A parser is not for two threads at once, and costs nothing to make.
    return Parser(_grammar(rule))


@functools.cache
def _grammar(rule: str) -> Language:
    try:
        module = importlib.import_module(f"tree_sitter_{rule}")
    except ImportError as error:
        name = f"tree-sitter-{rule.replace('_', '-')}"
        raise UserError(
            f"truncation rule {rule!r} needs the grammar {name}: pip install {name}"
        ) from error
    # A package of several grammars (TypeScript and TSX) names its functions after the languages.
    grammar = getattr(module, "language", None) or getattr(module, f"language_{rule}")
    return Language(grammar())


def _at(root: Node, position: int) -> int | None:
    """Which child of the root covers a byte."""
    for index, child in enumerate(root.children):
        if child.start_byte <= position < child.end_byte:
            return index
    return None


def _clean_end(prompt: str, text: str) -> int | None:
    """The first line at the margin before which a Python definition is whole and without error.

    Looking at what precedes a line alone keeps what follows it from changing how a function is
    read: models go on with anything, up to half a statement.
    """
    for start in _margin_lines(prompt, text):
        root = _parser("python").parse(_encoded(prompt + text[:start])).root_node
        if not root.has_error and _definition(root, _opened(prompt)) is not None:
            return start
    return None


def _margin_lines(prompt: str, text: str) -> Iterator[int]:
    """Where lines begin that are not moved in, empty, comments, or a continued line's rest."""
    start = 0 if not prompt or prompt.endswith("\n") else text.find("\n") + 1 or len(text)
    while start < len(text):
        if text[start] not in WHITE_SPACE + "#" and not text.endswith("\\\n", 0, start):
            yield start
        start = text.find("\n", start) + 1 or len(text)


def _definition(root: Node, opened: int) -> int | None:
    """Index of the root's child that is the function or class which the prompt began."""
    index = _at(root, opened)
    return index if index is not None and root.children[index].type in PYTHON_DEFINITIONS else None


def _python_end(root: Node, opened: int, head: int) -> tuple[int | None, Found]:
    """Start of the first statement at the margin after a definition that holds an error.

    Statements moved right of the margin by a wrong indentation stay: they are the function's, and
    Python itself shall say what is wrong with them. Comments at the margin end nothing.
    """
    index = _definition(root, opened)
    for statement in root.children[index + 1 :] if index is not None else ():
        if (
            statement.start_byte >= head
            and statement.start_point.column == 0
            and statement.type != "comment"
            and statement.end_byte > statement.start_byte
        ):
            return statement.start_byte, "function_end"
    return None, "unterminated" if root.has_error else "none"


def _block_end(root: Node, opened: int, head: int) -> tuple[int | None, Found]:
    """End of the outermost construct that is open where the prompt ends.

    It is the brace that closes the last one open, told from those in strings and comments by the
    parser; a semicolon right behind it belongs to it. The tree's own idea of the end is not asked
    for, since it may take what follows for a part of it, and holds nothing after an error. Where
    the prompt left no brace open (`def ... end`), the end of the construct's node it is.
    """
    depth = 0
    tokens = _tokens(root)
    for token in tokens:
        if depth == 0 and token.start_byte >= head:
            break
        text = token.text or b""
        if text.endswith(b"{"):
            depth += 1
        elif text == b"}":
            depth -= 1
            if depth == 0 and token.end_byte > head:
                behind = next(tokens, None)
                if behind and behind.type == ";" and behind.start_byte == token.end_byte:
                    return behind.end_byte, "function_end"
                return token.end_byte, "function_end"
    if depth > 0:
        return None, "unterminated"
    index = _at(root, opened)
    outer = None if index is None else root.children[index]
    if outer is None or root.is_error or outer.end_byte <= head:
        return None, "unterminated" if root.is_error else "none"
    return (None, "unterminated") if outer.has_error else (outer.end_byte, "function_end")


def _tokens(root: Node) -> Iterator[Node]:
    """The punctuation and keywords of a tree in order; not names, literals, comments, text."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.child_count:
            stack.extend(reversed(node.children))
        elif not node.is_named and node.end_byte > node.start_byte:
            yield node
