"""Where a completion ends: the function that the prompt began, and not a character more.

The raw completion stays in its record; this step has a version and runs again alone. A completion
ends at the earliest of

- the first stop string, scanned on the completion only and literally: a sampler stops there too,
  whatever the string stands in, so a replayed text and a sampled one are cut alike;
- the end of what the prompt left open, found by parsing prompt and completion together. In Python
  that is where the next statement begins at the margin; elsewhere it is the closing of the
  outermost construct, so a Java method keeps the brace that closes its class.

Trailing white space is dropped, so that samples that differ in nothing else are one program.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from tree_sitter import Language, Node, Parser

from pipeline.records import Candidate, Problem, Program, UserError, digest

RULE_VERSION = 1
WHITE_SPACE = " \t\r\n\f\v"
PYTHON_DEFINITIONS = ("function_definition", "class_definition", "decorated_definition")

CutKind = Literal["stop", "function_end", "none", "unterminated"]


class Cut(NamedTuple):
    """What truncation keeps of a completion.

    kept: a prefix of the completion. kind: `stop` or `function_end`, what ended it; `none`, it
    ends by itself or the prompt opened nothing; `unterminated`, the function's end was not found
    (counted as an extraction failure). version: of the rule, e.g. ``python-1``.
    """

    kept: str
    kind: CutKind
    version: str


def version(rule: str) -> str:
    """The version of a rule as programs record it."""
    return f"{rule}-{RULE_VERSION}"


def truncate(rule: str, prompt: str, text: str, stop: Sequence[str]) -> Cut:
    """Cuts a completion to the function that its prompt began.

    Args:
        rule: the language's `truncation`: ``python`` (ends by indentation), ``none`` (stop strings
            alone), or the name of a tree-sitter grammar whose package is ``tree_sitter_<rule>``.
        prompt: what precedes the completion in the program, without a few-shot header.
        text: the raw completion.
        stop: stop strings; empty ones are refused.

    The result is a prefix of `text` without trailing white space, holds no stop string, and is its
    own truncation. Raises UserError where the rule's grammar is not installed.
    """
    kept, kind = _cut(rule, prompt, text, stop)
    while True:
        # A parse of the shorter text may recover from its errors in another way: go on until
        # nothing changes, so that truncating twice is truncating once.
        shorter, again = _cut(rule, prompt, kept, stop)
        if shorter == kept:
            return Cut(kept, kind, version(rule))
        kept, kind = shorter, again


def _cut(rule: str, prompt: str, text: str, stop: Sequence[str]) -> tuple[str, CutKind]:
    if "" in stop:
        raise UserError("stop: an empty stop string would cut everything; remove it")
    stopped = min((i for i in map(text.find, stop) if i >= 0), default=len(text))
    end, kind = _function_end(rule, prompt, text)
    if end is not None and end <= stopped:
        return text[:end].rstrip(WHITE_SPACE), "function_end"
    if stopped < len(text):
        kind = "stop"
    return text[:stopped].rstrip(WHITE_SPACE), kind


def _function_end(rule: str, prompt: str, text: str) -> tuple[int | None, CutKind]:
    """Index in `text` where the function ends; where there is none, what that means."""
    if rule == "none":
        return None, "none"
    head = len(prompt.encode("utf-8", "surrogatepass"))
    source = (prompt + text).encode("utf-8", "surrogatepass")
    opened = len(prompt.rstrip(WHITE_SPACE).encode("utf-8", "surrogatepass")) - 1
    root = _parser(rule).parse(source).root_node
    find = _python_end if rule == "python" else _block_end
    end, kind = find(root, opened, head)
    if end is None:
        return None, kind
    return len(source[head:end].decode("utf-8", "surrogatepass")), kind


@functools.cache
def _parser(rule: str) -> Parser:
    try:
        module = importlib.import_module(f"tree_sitter_{rule}")
    except ImportError as error:
        name = f"tree-sitter-{rule.replace('_', '-')}"
        raise UserError(
            f"truncation rule {rule!r} needs the grammar {name}: pip install {name}"
        ) from error
    # A package of several grammars (TypeScript and TSX) names its functions after the languages.
    grammar = getattr(module, "language", None) or getattr(module, f"language_{rule}")
    return Parser(Language(grammar()))


def _at(root: Node, position: int) -> int | None:
    """Which child of the root covers a byte."""
    for index, child in enumerate(root.children):
        if child.start_byte <= position < child.end_byte:
            return index
    return None


def _python_end(root: Node, opened: int, head: int) -> tuple[int | None, CutKind]:
    """Start of the first statement at the margin after the definition that the prompt began.

    Statements moved right of the margin by a wrong indentation stay: they are the function's, and
    Python itself shall say what is wrong with them. Comments at the margin end nothing.
    """
    index = _at(root, opened)
    definition = None if index is None else root.children[index]
    if index is None or definition is None or definition.type not in PYTHON_DEFINITIONS:
        return None, "unterminated" if root.has_error else "none"
    for statement in root.children[index + 1 :]:
        if (
            statement.start_byte >= head
            and statement.start_point.column == 0
            and statement.type != "comment"
            and statement.end_byte > statement.start_byte
        ):
            return statement.start_byte, "function_end"
    return None, "unterminated" if root.has_error else "none"


def _block_end(root: Node, opened: int, head: int) -> tuple[int | None, CutKind]:
    """End of the outermost construct that is open where the prompt ends.

    A construct without a syntax error ends where its node does. In one with an error the tree may
    end anywhere, but its tokens still tell braces from those in strings and comments: the end is
    the brace that closes the last one open.
    """
    index = None if root.is_error else _at(root, opened)
    outer = None if index is None else root.children[index]
    if index is not None and outer is not None and not outer.has_error:
        if outer.end_byte <= head:
            return None, "none"
        after = root.children[index + 1] if index + 1 < len(root.children) else None
        if after is not None and after.type == ";" and after.start_byte == outer.end_byte:
            return after.end_byte, "function_end"
        return outer.end_byte, "function_end"
    depth = 0
    for token in _tokens(root):
        text = token.text or b""
        if text.endswith(b"{"):
            depth += 1
        elif text == b"}":
            depth -= 1
            if depth == 0 and token.end_byte > head:
                return token.end_byte, "function_end"
    return None, "unterminated" if depth > 0 or root.has_error else "none"


def _tokens(root: Node) -> Iterator[Node]:
    """The punctuation and keywords of a tree in order; not names, literals, comments, text."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.child_count:
            stack.extend(reversed(node.children))
        elif not node.is_named and node.end_byte > node.start_byte:
            yield node


def kept_tokens(token_ends: Sequence[int], kept: str) -> int:
    """How many generated tokens lie wholly or partly in the kept text.

    token_ends: characters of the raw text that are complete after each token. A token that holds
    a part of a character's bytes lies in that character.
    """
    starts = (0, *token_ends[:-1]) if token_ends else ()
    return sum(1 for start in starts if start < len(kept))


def program_of(
    problem: Problem, candidate: Candidate, rule: str, stop: Sequence[str], cut: bool = True
) -> Program:
    """The program that a candidate is judged as.

    Its hash is of the language, the prompt without the few-shot header (which is never run) and
    the kept completion. cut: False keeps the raw text whole (`execute.truncate: false`).
    """
    prompt = problem.prompt[problem.header_chars :]
    made = truncate(rule, prompt, candidate.text, stop) if cut else Cut(candidate.text, "none", "")
    return Program(
        dataset=candidate.dataset,
        language=candidate.language,
        task_id=candidate.task_id,
        sample_index=candidate.sample_index,
        completion=made.kept,
        program_hash=digest(candidate.language, prompt, made.kept),
        kept_tokens=kept_tokens(candidate.token_ends, made.kept),
        truncation=made.version,
        cut=made.kind,
    )
