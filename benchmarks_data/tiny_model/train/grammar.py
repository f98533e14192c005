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
from random import Random
from types import CodeType

from . import samplers, variation
from .programs import Program, compile_expression

# Share of statements that hold another problem's facts as well: then no word alone gives away the
# question, and only the sentences' structure tells which facts belong to it.
DISTRACTED = 0.55

FAMILIES_DIRECTORY = Path(__file__).parent / "families"

# Choices in a program that several families share; repeated entries weigh more.
MACROS = {
    "ms": ["({0}*0.2778)", "({0}*0.2778)", "({0}*1000/3600)", "({0}/3.6)"],
    "kmph": ["({0}*3.6)", "({0}*3.6)", "({0}/0.2778)", "({0}/1000*3600)"],
    "pct": ["({0}/100)"],
}

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*[A-Za-z_])")

# A template is a sequence of parts: text, a slot ("{", name, form), a lexicon word ("<", name),
# or a choice ("[", alternatives).
Part = str | tuple[str, ...] | tuple[str, list["Sequence"]]
Sequence = list[Part]


class GrammarError(ValueError):
    """A grammar file has a fault; the text names file and line."""


class RetryError(Exception):
    """The drawn values do not satisfy the family's ``need(...)``; draw again."""


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


@dataclass(slots=True)
class Drawn:
    """A statement before its programs are written in a language."""

    family: str
    text: str  # without the list of numbers
    program: Program


class Drawer:
    """Draws statements from a grammar with one random stream."""

    def __init__(self, grammar: Grammar, random: Random) -> None:
        self._grammar = grammar
        self._random = random
        self._namespace = samplers.namespace(random, self._word)
        self._sticky: dict[str, str] = {}
        self._topics: dict[str, list[Family]] = {}
        for family in grammar.families:
            self._topics.setdefault(family.topic, []).append(family)

    def _word(self, name: str) -> str:
        """A lexicon word as text (for the samplers of names and things)."""
        return "".join(p for p in self._expand([("<", name)], {}) if isinstance(p, str)).strip()

    def _expand(
        self, sequence: Sequence, values: dict[str, object]
    ) -> list[str | tuple[str, object]]:
        out: list[str | tuple[str, object]] = []
        for part in sequence:
            if isinstance(part, str):
                out.append(part)
            elif part[0] == "[":
                out += self._expand(self._random.choice(part[1]), values)  # type: ignore[arg-type]
            elif part[0] == "<":
                out += self._lexicon_word(str(part[1]), values)
            else:
                out.append(samplers.print_slot(str(part[1]), str(part[2]), values, self._random))
        return out

    def _lexicon_word(
        self, name: str, values: dict[str, object]
    ) -> list[str | tuple[str, object]]:
        if name in self._sticky:
            return [self._sticky[name]]
        words = self._expand(self._random.choice(self._grammar.lexicon[name]), values)
        if name in self._grammar.sticky:
            self._sticky[name] = "".join(str(w) for w in words)
        return words

    def _marked(self, family: Family) -> tuple[str, ast.expr, dict[str, object]]:
        """A question of ``family`` as marked text (see :mod:`variation`), its program, its values.

        Raises :class:`RetryError` if the draw is to be repeated.
        """
        self._sticky = {}
        values: dict[str, object] = dict(self._namespace)
        try:
            exec(family.draw, values)  # noqa: S102  # our own grammar file, compiled at load
        except samplers.Rejected as rejected:
            raise RetryError from rejected
        question = self._random.choice(family.questions)
        tree = self._random.choice(question.programs)
        text = [
            piece if isinstance(piece, str) else variation.mark(piece[0], str(piece[1]))
            for piece in self._expand(question.template, values)
        ]
        return re.sub(r" +", " ", "".join(text)).strip(), tree, values

    def _distraction(self, family: Family) -> list[str]:
        """Sentences that have nothing to do with the question, mostly another problem's facts."""
        if self._random.random() < 0.1:
            return [variation.small_talk(self._random, self._word("who"))]
        pool = self._topics[family.topic] if self._random.random() < 0.6 else self._grammar.families
        for _ in range(4):  # many a problem states nothing before it asks
            try:
                text, _, _ = self._marked(self._random.choice(pool))
            except RetryError:
                continue
            if self._random.random() < 0.06:
                return [variation.decoy(text, self._random, self._word("who"))]
            found = variation.facts(text, self._random)
            if found:
                return found
        return []

    def draw(self, family: Family) -> Drawn:
        """One statement of ``family``; raises :class:`RetryError` if the draw is to be repeated."""
        distraction = self._distraction(family) if self._random.random() < DISTRACTED else []
        joined, tree, values = self._marked(family)
        joined = variation.vary(joined, self._random, distraction)
        numbers: list[float] = []
        plain: list[str] = []
        names: dict[str, str] = {}
        # Literal numbers of the template count too; walk both kinds in order of occurrence.
        for chunk in re.split(r"(\x00[^\x02]*\x02)", joined):
            if chunk.startswith("\x00"):
                variable, _, printed = chunk[1:-1].partition("\x01")
                names.setdefault(variable, f"n{len(numbers)}")
                numbers.append(float(printed.replace(",", "")))
                plain.append(printed)
            else:
                numbers += [float(m.replace(",", "")) for m in NUMBER.findall(chunk)]
                plain.append(chunk)
        constants = {k: v for k, v in values.items() if isinstance(v, int | float)}
        steps = compile_expression(tree, names, constants)
        return Drawn(family.name, "".join(plain), Program(tuple(numbers), steps))
