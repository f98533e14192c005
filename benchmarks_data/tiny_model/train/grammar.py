"""The grammar files (``families/*.txt``): how they are read, and how a statement is drawn.

A family is written so::

    == trains_cross_pole 2
    L = R(80, 500); s = R(30, 120)
    L / @ms(s) :: a train {L} m long is running at {s} <kmph> . [find|what is] the time ... ?
               :: another wording of the same question ?
    s          :: a question with another program ...

The first line names the family and gives its weight (1 if left out). The second draws the
variables (Python assignments over the helpers of :mod:`samplers`). Each further line is a program
and a template. In a template ``[a|b]`` is a choice, ``{x}`` a variable, ``<w>`` a choice from the
lexicon. In a program ``[a|b]`` is a choice too, and ``@name(x)`` a macro of ``MACROS``.

A variable that is printed as a number becomes ``n_i`` in the program, in order of occurrence; one
that is printed in words (``{x.w}``) or not at all becomes a constant.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType

FAMILIES_DIRECTORY = Path(__file__).parent / "families"

# Choices in a program that several families share; repeated entries weigh more.
MACROS = {
    "ms": ["({0}*0.2778)", "({0}*0.2778)", "({0}*1000/3600)", "({0}/3.6)"],
    "kmph": ["({0}*3.6)", "({0}*3.6)", "({0}/0.2778)", "({0}/1000*3600)"],
    "pct": ["({0}/100)"],
}

# A template is a sequence of parts: text, a slot ("{", name, form), a lexicon word ("<", name),
# or a choice ("[", alternatives).
Part = str | tuple[str, ...] | tuple[str, list["Sequence"]]
Sequence = list[Part]


class GrammarError(ValueError):
    """A grammar file has a fault; the text names file and line."""


@dataclass(slots=True)
class Question:
    """One program (with its alternatives) and one template that asks for it."""

    programs: list[ast.expr]
    template: Sequence


@dataclass(slots=True)
class Family:
    """A relation between quantities, the ways to draw it and the questions about it."""

    topic: str  # the grammar file that it stands in
    name: str
    weight: float
    draw: CodeType
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grammar:
    """All families and the lexicon."""

    families: list[Family]
    lexicon: dict[str, list[Sequence]]
    sticky: frozenset[str]  # lexicon words that are chosen once a problem


def parse_template(text: str) -> Sequence:
    """Parse a template; raises ``ValueError`` on unbalanced brackets."""
    tokens = re.findall(r"\[|\]|\||\{[^{}]*\}|<\w+>|[^\[\]|{}<>]+|[<>{}]", text)
    position = 0

    def sequence(nested: bool) -> Sequence:
        nonlocal position
        parts: Sequence = []
        while position < len(tokens):
            token = tokens[position]
            if token == "[":
                position += 1
                alternatives = [sequence(True)]
                while tokens[position] == "|":
                    position += 1
                    alternatives.append(sequence(True))
                position += 1
                parts.append(("[", alternatives))
                continue
            if token in ("]", "|"):
                if nested:
                    return parts
                raise ValueError(f"unbalanced {token!r}")
            if token[0] == "{":
                name, _, form = token[1:-1].partition(".")
                parts.append(("{", name, form))
            elif token[0] == "<" and len(token) > 1:
                parts.append(("<", token[1:-1]))
            else:
                parts.append(token)
            position += 1
        if nested:
            raise ValueError("a '[' is never closed")
        return parts

    return sequence(False)


def _expand_programs(text: str) -> list[ast.expr]:
    """Every reading of a program's choices and macros."""
    macro = re.search(r"@(\w+)\(((?:[^()]|\([^()]*\))*)\)", text)
    if macro:
        return [
            tree
            for option in MACROS[macro[1]]
            for tree in _expand_programs(
                text[: macro.start()] + option.format(macro[2]) + text[macro.end() :]
            )
        ]
    choice = re.search(r"\[([^\[\]]*)\]", text)
    if choice:
        return [
            tree
            for option in choice[1].split("|")
            for tree in _expand_programs(text[: choice.start()] + option + text[choice.end() :])
        ]
    return [ast.parse(text.strip(), mode="eval").body]


def parse_families(text: str, source: str) -> list[Family]:
    """Read one grammar file. Raises :class:`GrammarError` naming ``source`` and the line."""
    families: list[Family] = []
    programs: list[ast.expr] = []
    header: list[str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if line.startswith("== "):
                header = line[3:].split()
                programs = []
            elif header is not None:
                weight = float(header[1]) if len(header) > 1 else 1.0
                families.append(Family(source, header[0], weight, compile(line, source, "exec")))
                header = None
            else:
                program, _, template = line.partition("::")
                if program.strip():
                    programs = _expand_programs(program)
                families[-1].questions.append(Question(programs, parse_template(template.strip())))
        except (ValueError, SyntaxError, IndexError, KeyError) as error:
            raise GrammarError(f"{source}:{number}: {error} in {line[:60]!r}") from error
    return families


@lru_cache(maxsize=1)
def load_grammar() -> Grammar:
    """The grammar of this package: every ``families/*.txt`` and ``lexicon.txt``."""
    families: list[Family] = []
    for path in sorted(FAMILIES_DIRECTORY.glob("*.txt")):
        families += parse_families(path.read_text(encoding="utf-8"), path.name)
    lexicon: dict[str, list[Sequence]] = {}
    sticky: set[str] = set()
    for line in (FAMILIES_DIRECTORY.parent / "lexicon.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition("=")
        name = name.strip()
        if name.startswith("!"):
            name = name[1:]
            sticky.add(name)
        choice = parse_template(f"[{rest.strip()}]")[0]
        lexicon[name] = choice[1]  # type: ignore[assignment]  # always a choice
    names = [family.name for family in families]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise GrammarError(f"families named twice: {', '.join(sorted(doubled))}")
    return Grammar(families, lexicon, frozenset(sticky))
