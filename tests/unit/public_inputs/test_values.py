"""Documented examples to calls, in the syntax of every language; and values that are the same."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.public_inputs.calls import ABSENT, Call, parse
from pipeline.public_inputs.inputs import public_inputs
from pipeline.public_inputs.observers import python
from pipeline.public_inputs.outputs import settled
from pipeline.public_inputs.values import Elements, Pairs, Unreadable, canonical, read
from pipeline.records import Problem


@pytest.mark.parametrize(
    ("language", "example", "args", "expected"),
    [
        ("python", ">>> f((1, 'a'))\n[True, -0.5]", ((1, "a"),), [True, -0.5]),
        ("python", ">>> f({2: None})\n{}", (Pairs(((2, None),)),), Pairs(())),
        ("python", ">>> f([]) == {1, 2}", ([],), Elements((1, 2))),
        ("java", "> f([[1], [2]], true)\n\"x\"", ([[1], [2]], True), "x"),
        ("java", "> f({\"a\": 1})\n[46656000000L]", (Pairs((("a", 1),)),), [46656000000]),
        ("javascript", "> f({a: 1})\nnew Set([1])", (Pairs((("a", 1),)),), Elements((1,))),
        ("typescript", ">>> f('a')\n>>> ['b', False]", ("a",), ["b", False]),
        ("ruby", "irb> f({\"a\"=>[1]})\n=> nil", (Pairs((("a", [1]),)),), None),
        ("php", "php > f([\"a\" => 1])\ntrue", (Pairs((("a", 1),)),), True),
        ("perl", ">>> f(undef, {\"a\" => 1})\n1", (None, Pairs((("a", 1),))), 1),
        ("kotlin", '>>> f("""a""", {"""b"""=1})\n"""c"""', ("a", Pairs((("b", 1),))), "c"),
        ("scala", '>>> f(List(1), Map("a"->1))\nList(List(3))', ([1], Pairs((("a", 1),))), [[3]]),
        ("swift", '>>> f(["a" : 1], [:])\nnil', (Pairs((("a", 1),)), Pairs(())), None),
        ("cpp", '> f(vector<vector<int>>{{1}}, string("a"))\n{1, 2}', ([[1]], "a"), [1, 2]),
        ("csharp", ">>> F([1.5], \"a\")\n>>> None", ([1.5], "a"), None),
        ("go", ">>> f(1, 2)\n>>> 8", (1, 2), 8),
    ],
)  # fmt: skip
def test_every_language(language: str, example: str, args: object, expected: object) -> None:
    entry = "F" if language == "csharp" else "f"
    assert parse(example, entry, language) == Call(args, expected)  # type: ignore[arg-type]  # one table


def test_a_translated_prompt_calls_the_function_by_another_spelling() -> None:
    assert parse(">>> below_zero([1])\nFalse", "belowZero", "java") == Call(([1],), False)


@pytest.mark.parametrize(
    "example",
    [">>> g(1)\n2", ">>> f(root)\n2", ">>> f(1/3)\n2", "> 2.3    B-", ">>> f(x=1)\n2", ">>> f(1\n"],
)
def test_what_is_no_call_on_plain_values_is_left_out(example: str) -> None:
    assert parse(example, "f", "python") is None


@pytest.mark.parametrize("value", ["", "\nthe sum", "\n1,2", "\nnew BigInteger(1)"])
def test_a_value_that_is_not_plain_is_absent(value: str) -> None:
    assert parse(f"> f(1){value}", "f", "java") == Call((1,), ABSENT)


def problem(prompt: str, *examples: str, language: str = "python") -> Problem:
    return Problem("d", language, "T/0", prompt, 0, "f", "", examples, "base", "", "")


def test_a_function_without_parameters_has_one_input() -> None:
    assert public_inputs(problem('def f():\n  """ f(x) """\n')) == ()  # the last mention counts
    assert public_inputs(problem('def f():\n  """ a sum """\n')) == (Call(()),)
    assert public_inputs(problem("  public static double f( ) {\n", language="java")) == (Call(()),)
    assert public_inputs(problem("def f(x):\n")) == ()


def test_a_call_that_is_documented_twice_is_made_once() -> None:
    two = problem("def f(x):\n", ">>> f(1)\n2", ">>> f(1)\n2", ">>> f(2)\n3")
    assert public_inputs(two) == (Call((1,), 2), Call((2,), 3))


def test_equal_values_have_one_text() -> None:
    assert canonical(2.0) == canonical(2) == "2"
    assert canonical(0.1 + 0.2) == canonical(0.3)
    assert canonical(0.3) != canonical(0.3000001)
    assert canonical(Pairs(((1, 2), (0, 1)))) == canonical(Pairs(((0, 1), (1, 2))))
    assert canonical(Elements((2, 1))) == canonical(Elements((1, 2)))
    assert len({canonical(v) for v in (True, 1.5, "1", None, [1], (1,), Elements((1,)))}) == 7


def test_what_a_language_does_not_tell_apart_is_equal_there() -> None:
    assert settled((1, 2), "javascript") == settled([1, 2], "javascript")
    assert settled((1, 2), "python") != settled([1, 2], "python")
    assert settled(Pairs(((2, 1),)), "javascript") == settled(Pairs((("2", 1),)), "javascript")
    assert settled(Pairs(((2, 1),)), "php") == settled(Pairs((("2", 1),)), "php")
    assert settled(True, "perl") == settled("1", "perl") == settled(1, "perl")


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(-1e6, 1e6, allow_subnormal=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(st.tuples(SCALARS, inner), min_size=1, max_size=3).map(lambda p: Pairs(tuple(p)))
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_an_observer_writes_is_read_as_the_same_value(value: object) -> None:
    assert canonical(read(python.literal(value), "python")) == canonical(value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for language in ("python", "cpp", "swift"):
        with suppress(Unreadable):
            canonical(read(text, language))
