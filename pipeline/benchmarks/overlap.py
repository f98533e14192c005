"""How many of a prompt's own examples are hidden tests too.

Both are at hand when a benchmark is loaded, and only there. Texts of tests differ from language to
language, so calls are compared by the literals in them: an example is a test's case where the test
calls the function with the same literals and then names those of the same value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.public_inputs.calls import ABSENT, parse
from pipeline.public_inputs.inputs import call_without_arguments
from pipeline.public_inputs.values import canonical, scalars, unescaped
from pipeline.records import Problem, PublicExamples, Test

_TOKEN = re.compile(
    r'#?"""(?P<long>.*?)"""#?'
    r'|#?"(?P<double>(?:\\.|[^"\\])*)"#?'
    r"|'(?P<single>(?:\\.|[^'\\])*)'"
    r"|(?P<number>(?<![\w.)\]])-?\d+\.?\d*(?:[eE][+-]?\d+)?)[lLfFdDmM]?(?!\w)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>[()])",
    re.DOTALL,
)
_ARGUMENT = re.compile(r"arg\d+")
_OWN_NAME = re.compile(r"(?:arg|x|v)\d+")  # those of the published tests
_CONSTANTS = {"true": "true", "false": "false"} | dict.fromkeys(
    ("none", "null", "nil", "undef", "undefined"), "null"
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # literal | name | mark
    text: str


def public_examples(problem: Problem, test: Test) -> PublicExamples:
    """Counts a problem's documented examples, those that can be run, and those that are tests."""
    calls = [
        parse(example, problem.entry_point, problem.language) for example in problem.public_examples
    ]
    known = [call for call in calls if call is not None]
    cases = list(_cases(test.test, problem.entry_point))
    equal = sum(
        any(
            args == _literals(call.args) and rest[: len(value)] == value
            for value in [_literals([] if call.expected is ABSENT else [call.expected])]
            for args, rest in cases
        )
        for call in known
        if call.expected is not ABSENT
    )
    return PublicExamples(
        dataset=problem.dataset,
        language=problem.language,
        task_id=problem.task_id,
        examples=len(calls),
        inputs=len(known) or int(call_without_arguments(problem.prompt, problem.entry_point)),
        equal_tests=equal,
    )


def _literals(values: Sequence[object]) -> list[str]:
    return [text for value in values for text in scalars(value)]


def _cases(test: str, entry_point: str) -> Iterator[tuple[list[str], list[str]]]:
    """The calls of a test: the literals of their arguments, and those that come after.

    Arguments that a test puts into variables of their own first are put in their places.
    """
    tokens = list(_tokens(test))
    arguments: dict[str, list[str]] = {}
    for at, token in enumerate(tokens):
        if token.kind != "name":
            continue
        if _ARGUMENT.fullmatch(token.text) and token.text not in arguments:
            arguments[token.text] = list(_until_next_name(tokens[at + 1 :]))
        called = token.text in (entry_point, "candidate") and at + 1 < len(tokens)
        if called and tokens[at + 1].text == "(" and tokens[at + 1].kind == "mark":
            end = _closing(tokens, at + 1)
            inside = tokens[at + 2 : end]
            given = [
                text
                for found in inside
                for text in (
                    [found.text] if found.kind == "literal" else arguments.get(found.text, [])
                )
            ]
            yield given, [found.text for found in tokens[end:] if found.kind == "literal"]


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        kind = str(found.lastgroup)
        content = found[kind]
        if kind == "number":
            whole = not re.search(r"[.eE]", content)
            yield _Token("literal", canonical(int(content) if whole else float(content)))
        elif kind in ("name", "mark"):
            constant = _CONSTANTS.get(content.lower()) if kind == "name" else None
            yield _Token("literal", constant) if constant else _Token(kind, content)
        else:
            yield _Token("literal", canonical(unescaped(content)))


def _until_next_name(tokens: Sequence[_Token]) -> Iterator[str]:
    for token in tokens:
        if token.kind == "name" and _OWN_NAME.fullmatch(token.text):
            return
        if token.kind == "literal":
            yield token.text


def _closing(tokens: Sequence[_Token], opening: int) -> int:
    depth = 0
    for at in range(opening, len(tokens)):
        if tokens[at].kind == "mark":
            depth += 1 if tokens[at].text == "(" else -1
            if not depth:
                return at
    return len(tokens)
