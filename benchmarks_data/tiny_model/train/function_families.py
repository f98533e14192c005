"""Families of small functions: what is asked for, and a body in each language.

Most are composed: which elements are taken, what is done to each, how they are put together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Function:
    """One function: name (snake case), description (a verb phrase), signature and bodies.

    Bodies are indented by four blanks and end with a line break; closing braces are the writer's.
    """

    family: str
    name: str
    description: str
    parameters: tuple[tuple[str, str], ...]
    returns: str
    python: str
    java: str
    javascript: str
    ranges: dict[str, Callable[[Random], object]] = field(default_factory=dict)


def lines(*rows: str) -> str:
    """A body: each row indented by four blanks."""
    return "".join(f"    {row}\n" for row in rows)


def js(expression: str) -> str:
    """JavaScript compares with three signs."""
    return expression.replace("==", "===").replace("!=", "!==")


# Which elements: name, words before "numbers", condition on x.
def _predicate(random: Random) -> tuple[str, str, str]:
    k = random.randint(2, 20)
    return random.choice(
        [
            ("even", "even numbers", "x % 2 == 0"),
            ("odd", "odd numbers", "x % 2 != 0"),
            ("positive", "positive numbers", "x > 0"),
            ("negative", "negative numbers", "x < 0"),
            ("nonzero", "non-zero numbers", "x != 0"),
            (f"above_{k}", f"numbers greater than {k}", f"x > {k}"),
            (f"below_{k}", f"numbers smaller than {k}", f"x < {k}"),
            (f"multiples_of_{k}", f"multiples of {k}", f"x % {k} == 0"),
            (f"at_least_{k}", f"numbers of at least {k}", f"x >= {k}"),
            ("all", "numbers", ""),
        ]
    )


# What is done to each: name, words, expression.
def _mapping(random: Random) -> tuple[str, str, str]:
    k = random.randint(2, 9)
    return random.choice(
        [
            ("", "{}", "x"),
            ("", "{}", "x"),
            ("squares_of_", "the squares of the {}", "x * x"),
            ("cubes_of_", "the cubes of the {}", "x * x * x"),
            ("doubled_", "the doubled {}", "2 * x"),
            (f"times_{k}_", f"{k} times the {{}}", f"{k} * x"),
            (f"plus_{k}_", f"the {{}} increased by {k}", f"x + {k}"),
            ("negated_", "the {} with their sign changed", "-x"),
        ]
    )


def draw_composed(random: Random) -> Function:
    """sum, count, product, maximum or list of mapped, filtered numbers."""
    pname, pwords, condition = _predicate(random)
    mname, mwords, value = _mapping(random)
    what = mwords.format(pwords if mwords != "{}" else f"the {pwords}")
    of = random.choice(["in a list", "in the given list", "of a list", "in a list of integers"])
    argument = random.choice(["numbers", "nums", "values", "lst", "arr", "items", "xs"])
    how = random.choice(["sum", "sum", "count", "product", "maximum", "list", "list"])
    tail = f" if {condition}" if condition else ""
    opened = [f"for (int x : {argument}) {{"]
    indent = "    "
    if condition:
        opened.append(f"    if ({condition}) {{")
        indent = "        "
    closed = ["    }", "}"] if condition else ["}"]
    chain = argument + (f".filter(x => {js(condition)})" if condition else "")
    chain += f".map(x => {value})" if value != "x" else ""
    family = f"reduce_{how}"
    parameters = ((argument, "ints"),)
    if how == "count":
        condition = condition or "x > 0"
        what = pwords if tail else "positive numbers"
        return Function(
            family,
            random.choice(["count_", "number_of_"]) + (pname if tail else "positive"),
            random.choice(["count the", "find the number of", "return how many"]) + f" {what} {of}",
            parameters,
            "int",
            lines(f"return sum(1 for x in {argument} if {condition})"),
            lines(
                "int count = 0;",
                f"for (int x : {argument}) {{",
                f"    if ({condition}) {{",
                "        count++;",
                "    }",
                "}",
                "return count;",
            ),
            lines(f"return {argument}.filter(x => {js(condition)}).length;"),
        )
    if how == "sum":
        return Function(
            family,
            f"sum_{mname}{pname}",
            random.choice(["find the sum of", "add up", "compute the sum of", "return the sum of"])
            + f" {what} {of}",
            parameters,
            "int",
            lines(f"return sum({value} for x in {argument}{tail})"),
            lines(
                "int total = 0;", *opened, f"{indent}total += {value};", *closed, "return total;"
            ),
            lines(f"return {chain}.reduce((a, b) => a + b, 0);"),
        )
    if how == "product":
        return Function(
            family,
            f"product_{mname}{pname}",
            random.choice(["find the product of", "multiply", "return the product of"])
            + f" {what} {of}",
            parameters,
            "int",
            lines(
                "result = 1",
                f"for x in {argument}:",
                *(
                    [f"    if {condition}:", f"        result *= {value}"]
                    if condition
                    else [f"    result *= {value}"]
                ),
                "return result",
            ),
            lines(
                "int result = 1;", *opened, f"{indent}result *= {value};", *closed, "return result;"
            ),
            lines(f"return {chain}.reduce((a, b) => a * b, 1);"),
            {argument: lambda r: [r.randint(1, 9) for _ in range(r.randint(2, 4))]},
        )
    if how == "maximum":
        most = random.choice(["max", "min"])
        word = random.choice({"max": ["largest", "maximum"], "min": ["smallest", "minimum"]}[most])
        sign = ">" if most == "max" else "<"
        return Function(
            family,
            f"{word}_number",
            random.choice(["find", "return", "get"])
            + f" the {word} [number] {of}".replace(
                "[number]", random.choice(["number", "element", "value"])
            ),
            parameters,
            "int",
            lines(f"return {most}({argument})"),
            lines(
                f"int best = {argument}.get(0);",
                f"for (int x : {argument}) {{",
                f"    if (x {sign} best) {{",
                "        best = x;",
                "    }",
                "}",
                "return best;",
            ),
            lines(f"return Math.{most}(...{argument});"),
        )
    verb = random.choice(["return a list of", "return", "find", "get", "make a list of"])
    return Function(
        family,
        f"{mname}{pname}" + random.choice(["", "_numbers", "_list"]),
        f"{verb} {what} {of}",
        parameters,
        "ints",
        lines(f"return [{value} for x in {argument}{tail}]"),
        lines(
            "List<Integer> result = new ArrayList<>();",
            *opened,
            f"{indent}result.add({value});",
            *closed,
            "return result;",
        ),
        lines(f"return {chain if chain != argument else argument + '.slice()'};"),
    )
