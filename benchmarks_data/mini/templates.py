"""How a problem of the mini benchmark is written in each language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

LANGUAGES = ("python", "java", "javascript")

JAVA_TYPES = {
    "int": "int",
    "str": "String",
    "bool": "boolean",
    "ints": "List<Integer>",
    "strs": "List<String>",
}
JAVA_IMPORTS = "import java.util.*;\n\n"


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and the result that a function must give for them."""

    arguments: tuple[Any, ...]
    result: Any


@dataclass(frozen=True, slots=True)
class Signature:
    """A function's name in snake case, its parameters with their kinds, and what it returns."""

    name: str
    parameters: dict[str, str]
    returns: str

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.name.split("_"))

    def called(self, language: str) -> str:
        """The name that the language's test calls."""
        if language == "python":
            return self.name
        return self.class_name[0].lower() + self.class_name[1:]


def indent(text: str, by: int) -> str:
    """Every line of ``text`` moved right by ``by`` spaces."""
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


def value(language: str, thing: Any) -> str:
    """A value as the docstring's examples show it."""
    return repr(thing) if language == "python" else json.dumps(thing)


def java_literal(thing: Any) -> str:
    """A value as a Java expression."""
    if isinstance(thing, list):
        return f"Arrays.asList({', '.join(map(java_literal, thing))})"
    return json.dumps(thing)


def call(language: str, signature: Signature, case: Case) -> str:
    """A call of the function as the docstring's examples show it."""
    arguments = ", ".join(value(language, x) for x in case.arguments)
    return f"{signature.called(language)}({arguments})"


def comment(lines: list[str]) -> str:
    """A ``/** ... */`` block."""
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def word_prompt(language: str, statement: str) -> str:
    if language == "python":
        return f'def problem():\n    """\n    {statement}\n    """\n'
    if language == "javascript":
        return "\n" + comment([statement]) + "function problem() {\n"
    head = (
        "\nimport java.io.*;\nimport java.lang.*;\nimport java.util.*;\nimport java.math.*;\n\n\n"
    )
    block = indent(comment([statement]), 4)
    return f"{head}class Problem {{\n\n{block}    public static double problem() {{\n"


def word_solution(language: str, lines: list[str]) -> str:
    if language == "python":
        return indent("".join(f"{line}\n" for line in [*lines, "return answer"]), 4)
    declare, by = ("double", 8) if language == "java" else ("var", 4)
    body = "".join(f"{declare} {line};\n" for line in lines) + "return answer;\n"
    return indent(body, by) + ("    }\n}" if language == "java" else "}")


def word_test(language: str, answer: float) -> str:
    if language == "python":
        return f"def check(candidate):\n    assert abs(candidate() - {answer}) < 1e-8\n"
    if language == "javascript":
        return (
            "\nconst answer = problem();\n"
            f'if (typeof answer !== "number" || !(Math.abs(answer - {answer}) < 1e-7)) {{\n'
            '    throw new Error("problem() gave " + JSON.stringify(answer));\n}\n'
        )
    return (
        "\n\nclass Main {\n    public static void main(String[] args) throws Exception {\n"
        "        double answer = Problem.problem();\n"
        f"        if (!(Math.abs(answer - {answer}) < 1e-7)) {{\n"
        '            throw new Exception("problem() gave " + answer);\n        }\n    }\n}\n'
    )


def function_prompt(language: str, signature: Signature, statement: str, shown: list[Case]) -> str:
    mark = ">>>" if language == "python" else ">"
    examples = [
        line
        for case in shown
        for line in (
            f"{mark} {call(language, signature, case)}",
            value(language, case.result),
        )
    ]
    if language == "python":
        lines = "".join(f"{line}\n" for line in ['"""', statement, *examples, '"""'])
        return f"def {signature.name}({', '.join(signature.parameters)}):\n{indent(lines, 4)}"
    block = comment([statement, "", *examples])
    if language == "javascript":
        names = ", ".join(signature.parameters)
        return f"{block}function {signature.called(language)}({names}) {{\n"
    parameters = ", ".join(f"{JAVA_TYPES[kind]} {x}" for x, kind in signature.parameters.items())
    head = f"public static {JAVA_TYPES[signature.returns]} {signature.called(language)}"
    body = indent(f"{block}{head}({parameters}) {{\n", 4)
    return f"{JAVA_IMPORTS}class {signature.class_name} {{\n{body}"


def function_solution(language: str, body: str) -> str:
    if language == "python":
        return indent(body, 4)
    if language == "javascript":
        return indent(body, 4) + "}"
    return indent(body, 8) + "    }\n}"


def function_test(language: str, signature: Signature, cases: list[Case]) -> str:
    name = signature.called(language)
    if language == "python":
        lines = [
            f"    assert candidate({', '.join(map(repr, case.arguments))}) == {case.result!r}\n"
            for case in cases
        ]
        return "def check(candidate):\n" + "".join(lines)
    if language == "javascript":
        lines = [
            f"expectEqual({i}, {call(language, signature, case)}, {json.dumps(case.result)});\n"
            for i, case in enumerate(cases)
        ]
        return (
            '\n\nconst _ = require("lodash");\n\nfunction expectEqual(index, actual, wanted) {\n'
            "    if (!_.isEqual(actual, wanted)) {\n"
            '        throw new Error("case " + index + " gave " + JSON.stringify(actual));\n'
            "    }\n}\n\n" + "".join(lines)
        )
    calls = [
        f"        expectEqual({i}, {signature.class_name}.{name}"
        f"({', '.join(map(java_literal, case.arguments))}), {java_literal(case.result)});\n"
        for i, case in enumerate(cases)
    ]
    return (
        "\n\nclass Main {\n"
        "    static void expectEqual(int index, Object actual, Object wanted) throws Exception {\n"
        "        if (!Objects.equals(actual, wanted)) {\n"
        '            throw new Exception("case " + index + " gave " + actual);\n'
        "        }\n    }\n\n"
        "    public static void main(String[] args) throws Exception {\n"
        + "".join(calls)
        + "    }\n}\n"
    )
