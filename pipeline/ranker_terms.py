"""The rankers that a configuration may name, alone or combined, and how a combination is read.

    lexicographic(A, B, ...)          by A; where A ties, by B; ...
    weighted(0.7 * A, 0.3 * B, ...)   by the weighted sum of each one's ranks

A, B are rankers or combinations.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

RANKERS = (
    "coder_reviewer",
    "codet",
    "mbr_exec",
    "mean_logprob",
    "public_examples",
    "random",
    "self_consistency",
    "sum_logprob",
)
BY_SAMPLING = ("codet", "coder_reviewer")  # ask a model
AMONG_OTHERS = ("codet", "mbr_exec", "self_consistency")  # score by the samples that agree
BY_LOGPROB = ("mean_logprob", "sum_logprob")  # undefined without log-probabilities

_TOKEN = re.compile(r"\s*([a-z_]\w*|\d+\.?\d*|\.\d+|[(),*]|\S)")


@dataclass(frozen=True, slots=True)
class Ranker:
    """A module of `pipeline.rankers`."""

    name: str


@dataclass(frozen=True, slots=True)
class Lexicographic:
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Weighted:
    terms: tuple[tuple[float, Term], ...]


Term = Ranker | Lexicographic | Weighted


def rankers(term: Term) -> Iterator[str]:
    """The names of the rankers in a term, in order."""
    match term:
        case Ranker(name):
            yield name
        case Lexicographic(terms):
            for inner in terms:
                yield from rankers(inner)
        case Weighted(weighted):
            for _, inner in weighted:
                yield from rankers(inner)


def alone(term: Term) -> bool:
    """Whether a program's place before another does not depend on what else was sampled."""
    match term:
        case Ranker(name):
            return name not in AMONG_OTHERS
        case Lexicographic(terms):
            return all(map(alone, terms))
        case Weighted():
            return False  # of shares of the other programs


def parse(text: str) -> Term:
    """The term that a text names. Raises ValueError that says what is wrong with it."""
    tokens = _TOKEN.findall(text)
    term, rest = _term(tokens)
    if rest:
        raise ValueError(f"{rest[0]!r} after the end of a ranker: write {term_text(term)}")
    return term


def checked(text: str) -> str:
    """The term's one spelling, by which its scores are named. Raises ValueError."""
    return term_text(parse(text))


def term_text(term: Term) -> str:
    match term:
        case Ranker(name):
            return name
        case Lexicographic(terms):
            return f"lexicographic({', '.join(map(term_text, terms))})"
        case Weighted(weighted):
            inside = (f"{weight:g} * {term_text(inner)}" for weight, inner in weighted)
            return f"weighted({', '.join(inside)})"


def _term(tokens: list[str]) -> tuple[Term, list[str]]:
    if not tokens:
        raise ValueError("a ranker is missing")
    name, rest = tokens[0], tokens[1:]
    if name in RANKERS:
        return Ranker(name), rest
    if name == "lexicographic":
        terms, rest = _inside(name, rest, weighted=False)
        return Lexicographic(tuple(term for _, term in terms)), rest
    if name == "weighted":
        terms, rest = _inside(name, rest, weighted=True)
        return Weighted(tuple(terms)), rest
    close = difflib.get_close_matches(name, RANKERS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"no ranker {name!r}: there are {', '.join(RANKERS)}, lexicographic(A, B) and "
        f"weighted(0.5 * A, 0.5 * B){hint}"
    )


def _inside(
    name: str, tokens: list[str], weighted: bool
) -> tuple[list[tuple[float, Term]], list[str]]:
    form = "weighted(0.5 * A, 0.5 * B)" if weighted else "lexicographic(A, B)"
    if tokens[:1] != ["("]:
        raise ValueError(f"{name} takes rankers: {form}")
    found: list[tuple[float, Term]] = []
    rest = tokens
    while rest[:1] != [")"]:
        rest = rest[1:]  # the opening, or a comma
        weight = 1.0
        if weighted:
            if rest[1:2] != ["*"] or not re.fullmatch(r"[\d.]+", rest[0]):
                raise ValueError(f"{name}: a weight and * stand before each ranker: {form}")
            weight, rest = float(rest[0]), rest[2:]
        term, rest = _term(rest)
        found.append((weight, term))
        if rest[:1] not in ([","], [")"]):
            raise ValueError(f"{name}: a comma or ) is missing: {form}")
    if len(found) < 2:
        raise ValueError(f"{name} combines two rankers or more: {form}")
    if not any(weight for weight, _ in found):
        raise ValueError(f"{name}: all weights are 0")
    return found, rest[1:]
