"""Small list, string and number functions in three languages, in the layout of MBXP prompts.

A task is a description, a signature, one to three examples and a body a language. The Python body
is the meaning: the examples in every language are its results.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from . import fixed_functions
from .contamination import Published
from .function_families import Function, draw_composed

LANGUAGES = ("python", "java", "javascript")

_JAVA_TYPES = {
    "int": "int",
    "ints": "List<Integer>",
    "str": "String",
    "strs": "List<String>",
    "bool": "Boolean",
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORDS = [
    "apple",
    "banana",
    "river",
    "stone",
    "code",
    "python",
    "level",
    "radar",
    "hello",
    "world",
    "data",
    "tree",
    "moon",
    "green",
    "book",
    "kayak",
    "table",
    "noon",
    "light",
    "seven",
    "paper",
    "cat",
    "dog",
    "house",
    "otter",
    "fork",
]


@dataclass(frozen=True, slots=True)
class FunctionTask:
    """One training text; ``statement`` is what the contamination check reads."""

    family: str
    language: str
    statement: str
    prompt: str
    completion: str


def camel(name: str) -> str:
    """``sum_of_even`` as ``sumOfEven``."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def literal(value: Any, language: str) -> str:
    """A value as it stands in an example of the language's prompt."""
    if isinstance(value, bool):
        return str(value) if language == "python" else str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return "[" + ", ".join(literal(v, language) for v in value) + "]"
    return str(value)


def _callable(function: Function) -> Callable[..., Any]:
    names = ", ".join(name for name, _ in function.parameters)
    scope: dict[str, Any] = {}
    # Our own text from function_families, never a model's.
    exec(f"def f({names}):\n{function.python}", scope)
    result: Callable[..., Any] = scope["f"]
    return result


class FunctionStream:
    """An endless, seeded stream of function tasks; counts what it drew and dropped."""

    def __init__(self, seed: int | str, published: Published | None = None) -> None:
        self._random = Random(f"functions/{seed}")
        self._published = published
        self.drawn: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    def __iter__(self) -> FunctionStream:
        return self

    def __next__(self) -> FunctionTask:
        while True:
            function = self._draw()
            language = self._random.choice(LANGUAGES)
            task = self._write(function, language)
            if task is None:
                continue
            if self._published is not None and self._published.shares_run(task.statement):
                self.dropped[function.family] += 1
                continue
            self.drawn[function.family] += 1
            return task

    def _draw(self) -> Function:
        if self._random.random() < 0.35:
            return draw_composed(self._random)
        return self._random.choice(fixed_functions.load()).draw(self._random)

    def _argument(self, kind: str) -> Any:
        random = self._random
        if kind == "int":
            return random.randint(0, random.choice([9, 20, 100, 999]))
        if kind == "ints":
            low = random.choice([0, 1, 1, -9])
            return [
                random.randint(low, random.choice([9, 20, 99])) for _ in range(random.randint(2, 6))
            ]
        if kind == "strs":
            return random.sample(_WORDS, random.randint(2, 4))
        if random.random() < 0.2:
            return " ".join(random.sample(_WORDS, random.randint(2, 3)))
        if random.random() < 0.15:
            half = "".join(random.choice(_LETTERS[:6]) for _ in range(random.randint(1, 3)))
            return half + half[::-1]
        return random.choice(_WORDS)

    def _examples(self, function: Function) -> list[tuple[list[Any], Any]] | None:
        call = _callable(function)
        found: list[tuple[list[Any], Any]] = []
        for _ in range(self._random.randint(1, 3)):
            arguments = [
                function.ranges[name](self._random)
                if name in function.ranges
                else self._argument(kind)
                for name, kind in function.parameters
            ]
            try:
                found.append((arguments, call(*arguments)))
            except (ArithmeticError, ValueError, IndexError):
                return None
        return found

    def _write(self, function: Function, language: str) -> FunctionTask | None:
        examples = self._examples(function)
        if examples is None:
            return None
        name = function.name if language == "python" else camel(function.name)
        shown = {"python": "python", "java": "Java", "javascript": "JavaScript"}[language]
        opening = self._random.choice(
            [
                "Write a function to {}.",
                f"Write a {shown} function to {{}}.",
                "Write a function that {}.",
                "{}",
            ]
        )
        description = function.description
        if "that" in opening:
            verb, _, rest = description.partition(" ")
            description = f"{verb}{'es' if verb.endswith('ch') else 's'} {rest}"
        description = opening.format(description)
        if opening == "{}":
            description = description[0].upper() + description[1:] + "."
        parameters = [
            (camel(p) if language != "python" else p, kind) for p, kind in function.parameters
        ]
        lines = []
        for arguments, result in examples:
            mark = ">>>" if language == "python" else ">"
            values = ", ".join(literal(a, language) for a in arguments)
            lines += [f"{mark} {name}({values})", literal(result, language)]
        if language == "python" and self._random.random() < 0.7:
            lines = [line.replace('"', "'") for line in lines]
        writer = {"python": self._python, "java": self._java, "javascript": self._javascript}
        prompt, completion = writer[language](function, name, description, parameters, lines)
        return FunctionTask(function.family, language, description, prompt, completion)

    def _python(
        self,
        function: Function,
        name: str,
        description: str,
        parameters: list[tuple[str, str]],
        lines: list[str],
    ) -> tuple[str, str]:
        start = self._random.choice(["", "\n\n"])
        signature = f"def {name}({', '.join(p for p, _ in parameters)}):"
        if self._random.random() < 0.5:
            body = "\n    ".join([f'"""{description}', *lines])
        else:
            body = "\n    ".join(['"""', description, *lines])
        return f'{start}{signature}\n    {body}\n    """\n', function.python

    def _comment(self, description: str, lines: list[str], indent: str) -> str:
        star = "* " if self._random.random() < 0.5 else ""
        rows = [
            f"{star}{description}",
            *([""] if star or self._random.random() < 0.5 else []),
            *lines,
        ]
        return "\n".join(
            [f"{indent}/**", *(f"{indent} * {r}".rstrip() for r in rows), f"{indent} */"]
        )

    def _java(
        self,
        function: Function,
        name: str,
        description: str,
        parameters: list[tuple[str, str]],
        lines: list[str],
    ) -> tuple[str, str]:
        packages = ("io", "lang", "util", "math") if self._random.random() < 0.4 else ("util",)
        imports = self._random.choice(["", "\n"])
        imports += "".join(f"import java.{p}.*;\n" for p in packages)
        gap = self._random.choice(["\n", "\n\n"])
        comment = self._comment(description, lines, "    ")
        signature = ", ".join(f"{_JAVA_TYPES[kind]} {p}" for p, kind in parameters)
        head = f"{imports}{gap}class {name[0].upper() + name[1:]} {{\n{comment}\n"
        prompt = f"{head}    public static {_JAVA_TYPES[function.returns]} {name}({signature}) {{\n"
        body = re.sub(r"^(?=.)", "    ", function.java, flags=re.MULTILINE)
        return prompt, f"{body}    }}\n}}"

    def _javascript(
        self,
        function: Function,
        name: str,
        description: str,
        parameters: list[tuple[str, str]],
        lines: list[str],
    ) -> tuple[str, str]:
        comment = self._comment(description, lines, "")
        comment = self._random.choice(["", "\n"]) + comment
        prompt = f"{comment}\nfunction {name}({', '.join(p for p, _ in parameters)}) {{\n"
        return prompt, f"{function.javascript}}}"
