"""Training problems: a statement with its program, written as a prompt and a completion."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from . import programs
from .contamination import Published
from .drawing import Drawer, RetryError
from .grammar import Grammar, load_grammar
from .programs import Program

# The published MathQA-X prompts around a statement.
PROMPTS = {
    "python": 'def problem():\n    """\n    {}\n    """\n',
    "java": (
        "\nimport java.io.*;\nimport java.lang.*;\nimport java.util.*;\nimport java.math.*;\n\n\n"
        "class Problem {{\n\n    /**\n     * {}\n     */\n    public static double problem() {{\n"
    ),
    "javascript": "\n/**\n * {}\n */\nfunction problem() {{\n",
}

MAXIMUM_NUMBERS = 14


@dataclass(frozen=True, slots=True)
class Problem:
    """One arithmetic word problem; ``statement`` ends with the list of its numbers."""

    family: str
    statement: str
    program: Program

    def prompt(self, language: str) -> str:
        """Everything before the completion, byte for byte as the published prompts are laid out."""
        return PROMPTS[language].format(self.statement)

    def completion(self, language: str) -> str:
        """The reference completion; raises ``UnsupportedError`` where the language has none."""
        return programs.render(self.program, language)


def list_numbers(text: str, numbers: tuple[float, ...]) -> str:
    """The statement: the text, then `` n0 = 28.0 n1 = 14.0`` for its numbers."""
    return " ".join([text, *(f"n{i} = {value!r}" for i, value in enumerate(numbers))])


class ProblemStream:
    """An endless, seeded stream of problems.

    A problem that shares 13 words in a row with the published texts in ``published`` is dropped
    and counted. ``drawn``, ``dropped`` and ``retried`` count by family.
    """

    def __init__(
        self,
        seed: int | str,
        published: Published | None = None,
        grammar: Grammar | None = None,
        without: frozenset[str] = frozenset(),
        only: frozenset[str] | None = None,
    ) -> None:
        self.grammar = grammar or load_grammar()
        self._random = Random(f"problems/{seed}")
        self._drawer = Drawer(self.grammar, self._random)
        self._families = [
            f
            for f in self.grammar.families
            if f.name not in without and (only is None or f.name in only)
        ]
        self._cumulative = list(accumulate(f.weight for f in self._families))
        self._published = published
        self.drawn: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()

    def __iter__(self) -> ProblemStream:
        return self

    def __next__(self) -> Problem:
        while True:
            point = self._random.random() * self._cumulative[-1]
            family = self._families[bisect(self._cumulative, point)]
            try:
                drawn = self._drawer.draw(family)
                programs.evaluate(drawn.program)
            except (RetryError, ArithmeticError, ValueError):
                self.retried[family.name] += 1
                continue
            numbers = drawn.program.numbers
            if not 1 <= len(numbers) <= MAXIMUM_NUMBERS:
                self.retried[family.name] += 1
                continue
            statement = list_numbers(drawn.text, numbers)
            if self._published is not None and self._published.shares_run(statement):
                self.dropped[family.name] += 1
                continue
            self.drawn[family.name] += 1
            return Problem(family.name, statement, drawn.program)
