"""Random straight-line programs with the generator's distribution of operations.

:func:`fit` counts, over seeded problems of the generator, how many steps a program has for so many
numbers, which operations it uses, what kinds of operands stand on their two sides, and which
constants. :class:`Sampler` draws programs from these counts; it sees a prompt's numbers only.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .train import programs
from .train.problems import ProblemStream
from .train.programs import Program, Step

FIT_PATH = Path(__file__).parent / "random_programs.json"
_MOST_NUMBERS = 8  # programs over more numbers share one distribution of lengths
_ATTEMPTS = 50


def _operand_kinds(step: Step, position: int, used: set[str]) -> tuple[str, ...]:
    """What each operand is: a number not used yet or used, the last result or an earlier one."""
    kinds = []
    for operand in step.operands:
        if operand[0] == "n":
            kinds.append("used number" if operand in used else "new number")
        elif operand[0] == "t":
            kinds.append("last result" if operand == f"t{position - 1}" else "earlier result")
        else:
            kinds.append("constant")
    return tuple(kinds)


def _place(position: int, count: int) -> str:
    if position == count - 1:
        return "only" if count == 1 else "last"
    return "first" if position == 0 else "middle"


def fit(problems: int, seed: int) -> dict[str, dict[str, dict[str, int]]]:
    """Counts over ``problems`` of the generator: ``steps``, ``operations``, ``constants``.

    ``steps``: count of numbers -> count of steps. ``operations``: place in the program (``only``,
    ``first``, ``middle``, ``last``) -> operation with operand kinds. ``constants``: operation
    with side -> constant.
    """
    steps: defaultdict[str, Counter[str]] = defaultdict(Counter)
    operations: defaultdict[str, Counter[str]] = defaultdict(Counter)
    constants: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for problem in itertools.islice(ProblemStream(f"random programs/{seed}"), problems):
        program = problem.program
        numbers = str(min(len(program.numbers), _MOST_NUMBERS))
        steps[numbers][str(len(program.steps))] += 1
        used: set[str] = set()
        for position, step in enumerate(program.steps):
            kinds = _operand_kinds(step, position, used)
            operations[_place(position, len(program.steps))][
                " ".join([step.operator, *(k.replace(" ", "_") for k in kinds)])
            ] += 1
            for side, (operand, kind) in enumerate(zip(step.operands, kinds, strict=True)):
                if kind == "constant":
                    constants[f"{step.operator} {side}"][operand] += 1
                elif operand[0] == "n":
                    used.add(operand)
    tables = {"steps": steps, "operations": operations, "constants": constants}
    return {
        name: {key: dict(sorted(counts.items())) for key, counts in sorted(table.items())}
        for name, table in tables.items()
    }


@dataclass(frozen=True, slots=True)
class _Table:
    """Outcomes with cumulative shares, to draw from with one uniform number."""

    outcomes: tuple[str, ...]
    cumulative: np.ndarray  # float64 [outcomes]

    @classmethod
    def of(cls, counts: dict[str, int]) -> _Table:
        shares = np.cumsum(np.fromiter(counts.values(), dtype=np.float64))
        return cls(tuple(counts), shares / shares[-1])

    def draw(self, random: np.random.Generator) -> str:
        return self.outcomes[int(np.searchsorted(self.cumulative, random.random(), side="right"))]


class Sampler:
    """Draws programs over given numbers; reads what :func:`fit` counted."""

    def __init__(self, counts: dict[str, dict[str, dict[str, int]]]) -> None:
        self._steps = {int(k): _Table.of(v) for k, v in counts["steps"].items()}
        self._operations = {k: _Table.of(v) for k, v in counts["operations"].items()}
        self._constants = {k: _Table.of(v) for k, v in counts["constants"].items()}

    @classmethod
    def load(cls) -> Sampler:
        """The sampler of the counts kept beside this module."""
        return cls(json.loads(FIT_PATH.read_text(encoding="utf-8")))

    def draw(
        self, numbers: Sequence[float], language: str, random: np.random.Generator
    ) -> tuple[Program, str]:
        """A program with a finite value and its completion in ``language``.

        Programs without a value, or without a form in the language, are drawn again; after
        50 draws the answer is 0. Without numbers, constants stand in their places.
        """
        for _ in range(_ATTEMPTS):
            steps = self._draw_steps(len(numbers), random)
            program = Program(tuple(numbers), steps)
            try:
                programs.evaluate(program)
                return program, programs.render(program, language)
            except (ArithmeticError, ValueError):
                continue
        program = Program(tuple(numbers), (Step("=", ("0.0",)),))
        return program, programs.render(program, language)

    def _draw_steps(self, numbers: int, random: np.random.Generator) -> tuple[Step, ...]:
        known = [k for k in self._steps if k <= max(numbers, min(self._steps))]
        count = int(self._steps[max(known)].draw(random))
        unused = list(range(numbers))
        steps: list[Step] = []
        for position in range(count):
            table = self._operations[_place(position, count)]
            operator, *kinds = table.draw(random).split(" ")
            operands = tuple(
                self._operand(kind, f"{operator} {side}", position, numbers, unused, random)
                for side, kind in enumerate(kinds)
            )
            steps.append(Step(operator, operands))
        return tuple(steps)

    def _operand(
        self,
        kind: str,
        place: str,
        position: int,
        numbers: int,
        unused: list[int],
        random: np.random.Generator,
    ) -> str:
        if kind == "constant":
            return self._constants[place].draw(random)
        if kind == "last_result":
            return f"t{position - 1}"
        if kind == "earlier_result" and position > 1:
            return f"t{int(random.integers(position - 1))}"
        if numbers == 0:
            return self._constants.get(place, self._constants["* 1"]).draw(random)
        if kind == "new_number" and unused:
            return f"n{unused.pop(int(random.integers(len(unused))))}"
        return f"n{int(random.integers(numbers))}"
