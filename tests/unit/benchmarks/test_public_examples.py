"""Examples in prompts, in the comment styles of the published languages."""

from __future__ import annotations

import pytest

from pipeline.benchmarks.examples import public_examples


def test_python_docstring() -> None:
    prompt = (
        '# >>> not documentation\ndef f(x):\n  """ Does.\n  >>> f("a */")\n  [1,\n   2]\n\n'
        '  Text.\n  > quoted\n  >>> f(2)\n  None\n  """\n'
    )
    assert public_examples(prompt, "python") == ('>>> f("a */")\n[1,\n2]', ">>> f(2)\nNone")


def test_a_docstring_that_ends_on_the_line_of_the_value() -> None:
    assert public_examples('def f():\n  """\n  >>> f()\n  3"""\n  x = 1\n', "python") == (
        ">>> f()\n3",
    )


@pytest.mark.parametrize(
    ("language", "prompt", "wanted"),
    [
        (
            "java",
            "class F {\n    /**\n     * Text\n     *\n     * > f(1)\n     * 2\n     */\n",
            "> f(1)\n2",
        ),
        ("php", "<?php\n/**\n * php > f(1)\n * 2\n */\nfunction f($x){\n", "php > f(1)\n2"),
        ("ruby", "\n##\n# irb> f(1)\n# => 2\ndef f(x)\n", "irb> f(1)\n=> 2"),
        ("perl", "# >>> f(1)\n# 2\nsub f\n{\n", ">>> f(1)\n2"),
        ("csharp", "/// >>> F(1)\n/// >>> 2\n/// </summary>\n", ">>> F(1)\n>>> 2"),
        ("go", "// >>> f(1)\n// >>> 2\nfunc f (n int) int {\n", ">>> f(1)\n>>> 2"),
        ("typescript", "/**\n * >>> f(1)\n * >>> g(2)\n */\n", ">>> f(1)\n>>> g(2)"),
        ("kotlin", '/**\n * >>> f("""a""")\n * """b"""\n */\n', '>>> f("""a""")\n"""b"""'),
    ],
)
def test_comment_styles(language: str, prompt: str, wanted: str) -> None:
    assert public_examples(prompt, language) == (wanted,)


def test_calls_without_values_stay_apart() -> None:
    assert public_examples("/**\n * > f(1)\n * > f(2)\n * 3\n */", "javascript") == (
        "> f(1)",
        "> f(2)\n3",
    )


def test_code_after_the_comment_is_no_value() -> None:
    assert public_examples("# > f(1)\nsub f\n", "perl") == ("> f(1)",)
