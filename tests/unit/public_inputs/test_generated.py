"""Generated tests: the prompt that asks for them, and what is read of the model's text."""

from __future__ import annotations

import pytest

from pipeline.public_inputs import generated
from pipeline.public_inputs.calls import Call
from pipeline.records import Problem


def problem(language: str, text: str, header: str = "") -> Problem:
    return Problem("d", language, "T/0", header + text, len(header), "f", "", (), "base", "", "")


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("python", 'def f(x):\n  """ Does. """\n', "\n  pass\n\n# check the correctness of f\n"),
        ("javascript", "/** {a} */\nfunction f(x) {\n", "{\n}\n\n// check the"),
        ("java", "class F {\n    public static int f(int x) {\n", "{\n}\n}\n\n// check"),
        ("ruby", "# {\ndef f(x)", "(x)\nend\n\n# check the correctness of f\nassert f("),
        ("php", "<?php\nfunction f($x){\n", "{\n}\n\n// check"),
        ("perl", "# {\nsub f\n{\n  my ($x) = @_;\n", "@_;\n}\n\n# check"),
    ],
)  # fmt: skip
def test_prompts_close_the_function_and_begin_an_assertion(
    language: str, text: str, wanted: str
) -> None:
    asked = generated.prompt(problem(language, text, header="# few shots {\n"))
    assert asked.startswith("# few shots {\n")
    assert wanted in asked
    assert asked.endswith("assert f(")


def test_assertions_on_plain_values_are_read() -> None:
    text = (
        "[1], 'a') == 2\nassert f(3) is None, 'why'\nassert not f(4)\nassert f(5)\n"
        "assert f(6) > 1\nassert not f(7) == 2\nassert f(x) == 1\nassert g(1) == 1\nf(1) == 2\n"
    )
    assert generated.tests(problem("python", "def f(x):\n"), text) == [
        Call(([1], "a"), 2),
        Call((3,), None),
        Call((4,), False),
        Call((5,), True),
    ]


def test_other_languages_compare_in_their_own_ways() -> None:
    script = problem("javascript", "function f(x) {\n")
    text = "1) === 2;\nassert.deepEqual(f([1]), [2]);\nassert(f('a') == \"b\");\n"
    assert generated.tests(script, text) == [Call((1,), 2), Call(([1],), [2]), Call(("a",), "b")]


def test_no_more_than_five_of_a_sample() -> None:
    text = "0) == 0\n" + "".join(f"assert f({i}) == {i}\n" for i in range(1, 9))
    assert [call.args for call in generated.tests(problem("python", "def f(x):\n"), text)] == [
        (i,) for i in range(5)
    ]
