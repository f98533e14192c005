"""What a reviewer is shown of a candidate, and which code is degenerate."""

from __future__ import annotations

import pytest

from pipeline.rankers._review import degenerate, documentation, review, without_comments
from pipeline.records import Problem


def problem(language: str, prompt: str, entry_point: str, header: str = "") -> Problem:
    return Problem(
        "d", language, "T/0", header + prompt, len(header), entry_point, "", (), "base", "", ""
    )


def test_python_code_then_its_docstring() -> None:
    prompt = 'import math\n\ndef area(r):\n    """ Area of\n    a circle. # no comment\n    """\n'
    code = "    # the formula\n    return math.pi * r ** 2  # area\n"
    asked, words = review(problem("python", prompt, "area", header="few shots\n"), code)
    assert asked == (
        "import math\n\ndef f(r):\n    return math.pi * r ** 2\n\n"
        "# Write a docstring for the above function\n"
    )
    assert words == '"""\nArea of\na circle. # no comment\n"""'


@pytest.mark.parametrize(
    ("language", "prompt", "code"),
    [
        ("java", "class A {\n  /**\n   * Adds.\n   * > add(1)\n   */\n  int add(int x) {", ""),
        ("javascript", "/**\n * Adds.\n * > add(1)\n */\nfunction add(x) {\n", "}"),
        ("go", "package main\n// Adds.\n// > add(1)\nfunc add (x int) int {\n", "}"),
        ("ruby", "# Adds.\n# > add(1)\ndef add(x)", "\nend"),
    ],
)  # fmt: skip
def test_comments_of_other_languages(language: str, prompt: str, code: str) -> None:
    words, rest = documentation(prompt, language)
    assert words == "Adds.\n> add(1)"
    assert "Adds" not in rest
    asked, described = review(problem(language, prompt, "add"), code)
    mark = "#" if language == "ruby" else "//"
    assert asked.endswith(f"\n\n{mark} Write a docstring for the above function\n")
    assert " f" in asked
    assert " add" not in asked
    assert described == f"{mark} Adds.\n{mark} > add(1)"


def test_marks_of_comments_inside_strings_stay() -> None:
    python = "x = '#'  # y\n# z\n\nw = \"//\""
    assert without_comments(python, "python") == "x = '#'\n\nw = \"//\""
    assert without_comments('x = "//"; // y\n/* z\n */\nw', "javascript") == 'x = "//";\nw'


@pytest.mark.parametrize(
    ("language", "code", "wanted"),
    [
        ("python", "    return x\n", False),
        ("python", "    # TODO\n    pass\n", True),
        ("java", "        return null;\n    }\n}\n", True),
        ("java", "        return x;\n    }\n}\n", False),
        ("ruby", "\n  nil\nend\n", False),
        ("ruby", "\n  return nil\nend\n", True),
        ("go", "}\n", True),
        ("python", "    a = 1\n    b = 2\n    return a + b\n", False),
        ("python", "    print(1)\n" * 40, True),
    ],
)
def test_degenerate_code(language: str, code: str, wanted: bool) -> None:
    assert degenerate(code, language) is wanted
