"""Straight-line arithmetic programs: from one expression to Python, Java and JavaScript.

An expression over named variables becomes a chain of assignments ``t0 = ...``, ``t1 = ...``,
``answer = ...`` with one operation each, the form of the published MathQA-X programs. Equal
subexpressions are computed once.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LANGUAGES = ("python", "java", "javascript")

# A power's exponent that comes from the statement is capped, as the published programs cap it.
EXPONENT_CAP = 5


class UnsupportedError(ValueError):
    """The expression has no rendering in the language asked for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: ``operator`` applied to ``operands`` (names ``n0``/``t0`` or constants)."""

    operator: str
    operands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """Numbers of the statement and the steps over them; the last step is the answer."""

    numbers: tuple[float, ...]
    steps: tuple[Step, ...]


BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.Mod: "%",
}
CALLS = frozenset(
    ["sqrt", "floor", "ceil", "abs", "min", "max", "gcd", "lcm", "comb", "factorial", "log"]
)


def compile_expression(
    tree: ast.expr, names: Mapping[str, str], values: Mapping[str, float]
) -> tuple[Step, ...]:
    """Flatten ``tree`` to steps.

    ``names`` maps a variable that stands in the statement to its number (``n3``); any other
    variable is written as the constant in ``values``. Raises ``KeyError`` for an unknown name.
    """
    steps: list[Step] = []
    seen: dict[Step, str] = {}

    def visit(node: ast.expr) -> str:
        if isinstance(node, ast.Constant):
            return repr(float(node.value))  # type: ignore[arg-type]  # grammar holds numbers only
        if isinstance(node, ast.Name):
            if node.id == "pi":
                return "pi"
            return names[node.id] if node.id in names else repr(float(values[node.id]))
        if isinstance(node, ast.BinOp):
            step = Step(BINARY[type(node.op)], (visit(node.left), visit(node.right)))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            if isinstance(node.operand, ast.Constant):
                return repr(-float(node.operand.value))  # type: ignore[arg-type]  # as above
            step = Step("-", ("0.0", visit(node.operand)))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id not in CALLS:
                raise ValueError(f"unknown function {node.func.id}")
            step = Step(node.func.id, tuple(visit(a) for a in node.args))
        else:
            raise ValueError(f"cannot compile {ast.dump(node)}")
        if step not in seen:
            steps.append(step)
            seen[step] = f"t{len(steps) - 1}"
        return seen[step]

    last = visit(tree)
    if not steps:
        steps.append(Step("=", (last,)))
    return tuple(steps)


def _python_step(operator: str, args: tuple[str, ...]) -> str:
    if operator == "**":
        return f"{args[0]}**{_python_exponent(args[1])}"
    if operator in ("sqrt", "floor", "ceil", "log"):
        return f"math.{operator}({args[0]})"
    if operator in ("gcd", "lcm", "comb", "factorial"):
        return f"math.{operator}({', '.join(f'int({a})' for a in args)})"
    return f"{operator}({', '.join(args)})"


def _python_exponent(exponent: str) -> str:
    if _is_constant(exponent):
        return _short(exponent)
    return f"min({exponent}, {EXPONENT_CAP})"


def _is_constant(operand: str) -> bool:
    return operand[0] not in "ntp"


def _short(constant: str) -> str:
    """``2.0`` as ``2``: exponents are written as whole numbers where they are."""
    return constant[:-2] if constant.endswith(".0") else constant


def _curly_step(operator: str, args: tuple[str, ...], language: str) -> str:
    if operator == "**":
        exponent = (
            _short(args[1]) if _is_constant(args[1]) else f"Math.min({args[1]}, {EXPONENT_CAP})"
        )
        if language == "java":
            return f"Math.pow({args[0]}, {exponent})"
        return f"{args[0]}**{exponent}"
    if operator in ("sqrt", "floor", "ceil", "log", "abs"):
        return f"Math.{operator}({args[0]})"
    if operator in ("min", "max") and len(args) == 2:
        return f"Math.{operator}({args[0]}, {args[1]})"
    raise UnsupportedError(f"{operator} with {len(args)} arguments has no {language} form")


def _render_step(step: Step, language: str) -> str:
    pi = "math.pi" if language == "python" else "Math.PI"
    args = tuple(pi if operand == "pi" else operand for operand in step.operands)
    if step.operator == "=":
        return args[0]
    if step.operator in ("+", "-", "*", "/", "%"):
        return f"{args[0]} {step.operator} {args[1]}"
    if step.operator == "**" and args[0] == pi:
        raise UnsupportedError("a power of pi")
    if language == "python":
        return _python_step(step.operator, args)
    return _curly_step(step.operator, args, language)


_LAYOUT = {
    "python": ("    ", "", "", "    return answer\n"),
    "java": ("        double ", ";", "        ", "        return answer;\n    }\n}"),
    "javascript": ("    var ", ";", "    ", "    return answer;\n}"),
}


def render(program: Program, language: str) -> str:
    """The completion for ``language``: everything that follows the published prompt.

    Raises :class:`UnsupportedError` where the language lacks an operation (``gcd`` in Java).
    """
    head, tail, _, end = _LAYOUT[language]
    lines = [f"{head}n{i} = {value!r}{tail}\n" for i, value in enumerate(program.numbers)]
    for i, step in enumerate(program.steps):
        name = "answer" if i == len(program.steps) - 1 else f"t{i}"
        lines.append(f"{head}{name} = {_render_step(step, language)}{tail}\n")
    return "".join(lines) + end


# Larger arguments have no float64 value, or take seconds to find that out.
_LARGEST_FACTORIAL = 170


def _factorial(n: float) -> int:
    if not 0 <= n <= _LARGEST_FACTORIAL:
        raise ArithmeticError("factorial out of range")
    return math.factorial(int(n))


def _comb(n: float, k: float) -> int:
    if not (0 <= n <= 10 * _LARGEST_FACTORIAL and 0 <= k <= _LARGEST_FACTORIAL):
        raise ArithmeticError("comb out of range")
    return math.comb(int(n), int(k))


_EVALUATE: dict[str, Callable[..., float]] = {
    "=": lambda a: a,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "ceil": math.ceil,
    "log": math.log,
    "abs": abs,
    "min": min,
    "max": max,
    "gcd": lambda *a: math.gcd(*(int(x) for x in a)),
    "lcm": lambda *a: math.lcm(*(int(x) for x in a)),
    "comb": _comb,
    "factorial": _factorial,
}


def evaluate(program: Program) -> float:
    """The answer in float64; raises ``ArithmeticError`` or ``ValueError`` where it has none."""
    environment: dict[str, float] = {f"n{i}": v for i, v in enumerate(program.numbers)}
    environment["pi"] = math.pi
    result = 0.0
    for i, step in enumerate(program.steps):
        args = [environment[o] if o in environment else float(o) for o in step.operands]
        if step.operator == "**":
            power = args[1] if _is_constant(step.operands[1]) else min(args[1], EXPONENT_CAP)
            result = args[0] ** power
        else:
            result = _EVALUATE[step.operator](*args)
        if isinstance(result, complex) or not math.isfinite(result):
            raise ArithmeticError(f"step {i} has no finite real value")
        environment[f"t{i}"] = float(result)
    return float(result)
