"""How many documented examples are hidden tests too, in the published forms of tests."""

from __future__ import annotations

import pytest

from pipeline.benchmarks.overlap import public_examples
from pipeline.records import Problem, Test

EXAMPLES = (">>> f([1, 2], 'a')\n[3]", ">>> f([2, 3], 'b')\n[4]", ">>> f(root)\n1")

# Each holds the first example and not the second: other arguments, or another value.
TESTS = {
    "python": "def check(candidate):\n    assert candidate([1, 2], 'a') == [3]\n"
    "    assert candidate([2, 3], 'b') == [5]\n",
    "java": 'List<Integer> arg00 = Arrays.asList(1, 2);\nString arg01 = "a";\n'
    'List<Integer> x0 = F.f(Arrays.asList(1, 2), "a");\nList<Integer> v0 = Arrays.asList(3);\n'
    'if (!(compare(x0, v0))) { throw new Exception("test case 0"); }\n'
    'x1 = F.f(Arrays.asList(2, 3), "c"); v1 = Arrays.asList(4);',
    "javascript": 'var arg00 = [1, 2];\nvar arg01 = "a";\n'
    "var x0 = f(arg00, arg01);\nvar v0 = [3];\n"
    'var arg10 = [2, -3];\nvar arg11 = "b";\nvar x1 = f(arg10, arg11);\nvar v1 = [4];\n',
    "kotlin": 'var arg00 : List<Int> = mutableListOf(1, 2)\nvar arg01 : String = """a"""\n'
    "var x0 : List<Int> = f(arg00, arg01);\nvar v0 : List<Int> = mutableListOf(3);\n",
    "swift": 'var arg00 : [Int] = [1, 2]\nvar arg01 : String = #"a"#\n'
    "var x0 : [Int] = f(x : arg00, s : arg01)\nvar v0 : [Int] = [3]\n",
    "go": 'actual_1 := f([]int{1, 2}, "a")\nexpected_1 := []int{3}\n',
    "perl": 'my $arg00 = [1, 2];\nmy $arg01 = "a";\nmy $x0 = f($arg00, $arg01);\nmy $v0 = [3];\n',
}


def count(language: str, test: str, *examples: str, prompt: str = "") -> tuple[int, int, int]:
    problem = Problem("d", language, "T/0", prompt, 0, "f", "", examples, "base", "", "")
    found = public_examples(problem, Test("d", language, "T/0", "program", test, "f", None))
    return found.examples, found.inputs, found.equal_tests


@pytest.mark.parametrize("language", TESTS)
def test_examples_are_found_in_the_published_forms(language: str) -> None:
    assert count(language, TESTS[language], *EXAMPLES) == (3, 2, 1)


def test_an_example_without_a_value_equals_no_test() -> None:
    assert count("python", "assert candidate(1) == 2", ">>> f(1)") == (1, 1, 0)


def test_the_call_of_a_function_without_parameters_is_an_input() -> None:
    assert count("python", "assert candidate() == 2", prompt="def f():\n") == (0, 1, 0)
