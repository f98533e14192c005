"""A safe reading of straight-line arithmetic completions, so that grading executes nothing.

Only assignments of one expression over numbers, earlier names and a fixed list of functions are
understood, in any of the three languages; everything else counts as a failed program. Arithmetic
is float64, as in the languages themselves.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable

_ASSIGN = re.compile(r"(?:double |var |let |const )?([A-Za-z_]\w*) = (.+?);?")
_RETURN = re.compile(r"return (.+?);?")
_BINARY_LINE = re.compile(r"(\w+(?:\.\d+)?) ([-+*/]) (\w+(?:\.\d+)?)")
_CLOSING = {"python": "", "java": "}}", "javascript": "}"}
_MAGNITUDE = 1e150


class RefusedError(ValueError):
    """The completion is no straight-line arithmetic, or has no finite value."""


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > 400 or abs(base) > _MAGNITUDE:
        raise RefusedError("power out of range")
    value = base**exponent
    if isinstance(value, complex):
        raise RefusedError("complex power")
    return float(value)


def _factorial(n: float) -> float:
    if n != int(n) or not 0 <= n <= 150:
        raise RefusedError("factorial out of range")
    return float(math.factorial(int(n)))


def _comb(n: float, k: float) -> float:
    if n != int(n) or k != int(k) or not (0 <= n <= 10000 and 0 <= k <= 1000):
        raise RefusedError("comb out of range")
    return float(math.comb(int(n), int(k)))


def _whole(function: Callable[..., int]) -> Callable[..., float]:
    def apply(*arguments: float) -> float:
        if any(a != int(a) for a in arguments):
            raise RefusedError("whole numbers wanted")
        return float(function(*(int(a) for a in arguments)))

    return apply


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt,
    "floor": math.floor,
    "ceil": math.ceil,
    "log": math.log,
    "pow": _power,
    "factorial": _factorial,
    "comb": _comb,
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "abs": abs,
    "min": min,
    "max": max,
    "int": lambda x: float(int(x)),
    "float": float,
}
_PREFIXED = frozenset(["sqrt", "floor", "ceil", "log", "pow", "factorial", "comb", "gcd", "lcm"])


def _evaluate(node: ast.expr, names: dict[str, float], language: str) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(node.value)  # type: ignore[arg-type]  # narrowed by the line above
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        pi = ("math", "pi") if language == "python" else ("Math", "PI")
        if (node.value.id, node.attr) == pi:
            return math.pi
        raise RefusedError("unknown attribute")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand, names, language)
    if isinstance(node, ast.BinOp):
        left = _evaluate(node.left, names, language)
        right = _evaluate(node.right, names, language)
        return _binary(type(node.op), left, right, language)
    if isinstance(node, ast.Call) and not node.keywords:
        arguments = [_evaluate(a, names, language) for a in node.args]
        return float(_function(node.func, language)(*arguments))
    raise RefusedError(type(node).__name__)


def _binary(operator: type[ast.operator], left: float, right: float, language: str) -> float:
    if operator is ast.Add:
        return left + right
    if operator is ast.Sub:
        return left - right
    if operator is ast.Mult:
        return left * right
    if operator is ast.Div:
        return left / right
    if operator is ast.Pow and language != "java":
        return _power(left, right)
    if operator is ast.Mod:
        return left % right if language == "python" else math.fmod(left, right)
    raise RefusedError(operator.__name__)


def _function(node: ast.expr, language: str) -> Callable[..., float]:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = "math" if language == "python" else "Math"
        known = (
            _PREFIXED if language == "python" else _PREFIXED - {"factorial", "comb", "gcd", "lcm"}
        )
        known = known if language == "python" else known | {"abs", "min", "max"}
        if node.value.id == module and node.attr in known:
            return _FUNCTIONS[node.attr]
    if (
        isinstance(node, ast.Name)
        and language == "python"
        and node.id in ("abs", "min", "max", "int", "float")
    ):
        return _FUNCTIONS[node.id]
    raise RefusedError("unknown function")


def run(completion: str, language: str) -> float:
    """The value that the completion of a ``problem()`` prompt returns.

    Raises :class:`RefusedError` for anything but straight-line arithmetic with a finite value.
    """
    names: dict[str, float] = {}
    lines = completion.split("\n")
    indent = "        " if language == "java" else "    "
    for position, line in enumerate(lines):
        if not line.strip():
            continue
        if not line.startswith(indent) or line[len(indent)] == " ":
            raise RefusedError("indentation")
        statement = line.strip()
        finished = _RETURN.fullmatch(statement)
        if finished:
            rest = "".join("".join(lines[position + 1 :]).split())
            if rest != _CLOSING[language]:
                raise RefusedError("the function does not end after its return")
            return _value(finished[1], names, language)
        assigned = _ASSIGN.fullmatch(statement)
        if assigned is None:
            raise RefusedError("no assignment")
        if language == "java" and not (statement.startswith("double ") and statement[-1] == ";"):
            raise RefusedError("no Java declaration")
        if language == "java" and assigned[1] in names:
            raise RefusedError("declared twice")
        names[assigned[1]] = _value(assigned[2], names, language)
    raise RefusedError("no return")


def _value(text: str, names: dict[str, float], language: str) -> float:
    try:
        simple = _BINARY_LINE.fullmatch(text)
        if simple:
            left = names[simple[1]] if simple[1] in names else float(simple[1])
            right = names[simple[3]] if simple[3] in names else float(simple[3])
            operator = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult, "/": ast.Div}[simple[2]]
            value = _binary(operator, left, right, language)
        elif text in names:
            value = names[text]
        elif re.fullmatch(r"\d+(\.\d+)?", text):
            value = float(text)
        else:
            value = _evaluate(ast.parse(text, mode="eval").body, names, language)
    except RefusedError:
        raise
    except (
        ArithmeticError,
        ValueError,
        TypeError,
        SyntaxError,
        RecursionError,
        MemoryError,
    ) as error:
        raise RefusedError(type(error).__name__) from error
    if not math.isfinite(value):
        raise RefusedError("not finite")
    return value
