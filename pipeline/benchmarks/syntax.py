"""Parsing with tree-sitter: what the rules that look for a function's end have in common."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Literal

from pipeline.records import UserError

if TYPE_CHECKING:  # sampling machines do without it
    from tree_sitter import Language, Node

WHITE_SPACE = " \t\r\n\f\v"

# How many places are tried as the end of a sound function. Each means parsing all before it.
TRIED = 200

Found = Literal["function_end", "none", "unterminated"]


def parse(grammar: str, source: bytes) -> Node:
    """The root of a text's tree.

    grammar: the name in its package's, ``tree_sitter_<grammar>``. Raises UserError where that is
    not installed.
    """
    from tree_sitter import Parser

    # A parser is not for two threads at once, and costs nothing to make.
    return Parser(_grammar(grammar)).parse(source).root_node


@functools.cache
def _grammar(name: str) -> Language:
    from tree_sitter import Language

    try:
        module = importlib.import_module(f"tree_sitter_{name}")
    except ImportError as error:
        package = f"tree-sitter-{name.replace('_', '-')}"
        raise UserError(f"truncation needs the grammar {name!r}: pip install {package}") from error
    # A package of several grammars (TypeScript and TSX) names its functions after the languages.
    grammar = getattr(module, "language", None) or getattr(module, f"language_{name}")
    return Language(grammar())


def encoded(text: str) -> bytes:
    """The bytes that the parser counts; a text may hold half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def last_byte(prompt: str) -> int:
    """The prompt's last byte that is not white space: what covers it is what the prompt began."""
    return len(encoded(prompt.rstrip(WHITE_SPACE))) - 1


def child_at(root: Node, position: int) -> int | None:
    """Which child of the root covers a byte."""
    for index, child in enumerate(root.children):
        if child.start_byte <= position < child.end_byte:
            return index
    return None
