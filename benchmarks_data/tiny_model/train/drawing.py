"""Statements drawn from the grammar: choices made, numbers counted, programs compiled."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from random import Random

from . import samplers, variation
from .grammar import Family, Grammar, Sequence
from .programs import Program, compile_expression

# Share of statements that hold another problem's facts as well: then no word alone gives away the
# question, and only the sentences' structure tells which facts belong to it.
DISTRACTED = 0.55

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*[A-Za-z_])")


class RetryError(Exception):
    """The drawn values do not satisfy the family's ``need(...)``; draw again."""


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
            # The first item of a parsed part names its kind, and with it the types of the others,
            # which the recursive `Sequence` alias cannot say.
            elif part[0] == "[":
                out += self._expand(self._random.choice(part[-1]), values)  # type: ignore[arg-type]
            elif part[0] == "<":
                out += self._lexicon_word(str(part[1]), values)
            else:
                out.append(samplers.print_slot(str(part[1]), str(part[2]), values, self._random))  # type: ignore[misc]
        return out

    def _lexicon_word(self, name: str, values: dict[str, object]) -> list[str | tuple[str, object]]:
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
            exec(family.draw, values)  # our own grammar file, compiled at load
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
