"""In every language that can be observed: values go into a program and come out as they were."""

from __future__ import annotations

import json

import pytest

from pipeline.public_inputs.observers import languages
from pipeline.public_inputs.outputs import FAILED, Observation, observation, settled
from pipeline.public_inputs.values import Pairs, read
from pipeline.records import Job, Problem, digest
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

# Prompt, a body that gives its argument back, one that fails for 7, one that never ends.
PROGRAMS = {
    "python": (
        "def same(x):\n",
        "    return x\n",
        "    if x == 7: raise ValueError\n    return x\n",
        "    while x: pass\n",
    ),
    "javascript": (
        "function same(x) {\n",
        "    return x;\n}\n",
        "    if (x === 7) throw 1;\n    return x;\n}\n",
        "    while (x) {}\n}\n",
    ),
    "typescript": (
        "const same = function (x: any) : any {\n",
        "    return x;\n}\n",
        "    if (x === 7) throw 1;\n    return x;\n}\n",
        "    while (x) {}\n}\n",
    ),
    "ruby": (
        "def same(x)\n",
        "  x\nend\n",
        "  raise 'no' if x == 7\n  x\nend\n",
        "  while x do end\nend\n",
    ),
    "php": (
        "<?php\nfunction same($x){\n",
        "  return $x;\n}\n",
        "  if ($x === 7) throw new Exception('no');\n  return $x;\n}\n",
        "  while ($x) {}\n}\n",
    ),
    "perl": (
        "sub same\n{\n  my ($x) = @_;\n",
        "  return $x;\n}\n",
        '  die "no" if defined $x && $x eq "7";\n  return $x;\n}\n',
        "  while ($x) {}\n}\n",
    ),
    "java": (
        "import java.util.*;\n\nclass Same {\n    public static Object same(Object x) {\n",
        "        return x;\n    }\n}\n",
        "        if (Objects.equals(x, 7)) throw new RuntimeException();\n"
        "        return x;\n    }\n}\n",
        "        while (x != null) {}\n        return x;\n    }\n}\n",
    ),
    "go": (
        'package main\n\nimport (\n\t"encoding/json"\n\t"reflect"\n)\n'
        "func same (x interface{}) interface{} {\n",
        "\treturn x\n}\n",
        '\tif x == 7 {\n\t\tpanic("no")\n\t}\n\treturn x\n}\n',
        "\tfor {\n\t}\n}\n",
    ),
    "kotlin": (
        "fun same(x : Any?) : Any? {\n",
        "    return x\n}\n",
        '    if (x == 7) throw Exception("no")\n    return x\n}\n',
        "    while (true) {}\n}\n",
    ),
    "scala": (
        "object Main extends App {\n    def same(x : Any) : Any = {\n",
        "        x\n    }\n",
        '        if (x == 7) throw new Exception("no")\n        x\n    }\n',
        "        while (true) {}\n        x\n    }\n",
    ),
    "csharp": (
        "using System;\nusing System.Collections.Generic;\n\nnamespace Solution\n{\n"
        "    public class Program\n    {\n        public static object same (object x) \n        {",
        "\n            return x;\n        }\n",
        "\n            if (x is int && (int)x == 7) throw new Exception();\n"
        "            return x;\n        }\n",
        "\n            while (true) {}\n        }\n",
    ),
    # A trap cannot be caught: the last value is the one that it takes.
    "swift": (
        "func same(x : AnyHashable) -> AnyHashable {\n",
        "    return x\n}\n",
        '    if x == AnyHashable("last") { fatalError() }\n    return x\n}\n',
        "    while true {}\n}\n",
    ),
}
# Marks that one language or another puts a meaning on inside strings.
TEXT = "a\"b'c\\d #{1} $x @y %s {z} \\n \u00e9 \u4e16 \t|\n."
VALUES = [
    "7",
    "-1.25",
    "[]",
    '[1, [2.5, "x"], []]',
    "true",
    "null",
    json.dumps(TEXT),
    '{"k": [1, 2], "l": {"m": 1}}',
]


def values(language: str) -> list[str]:
    """Swift has no nil among anything that can be hashed."""
    if language == "swift":
        return [*(value for value in VALUES if value != "null"), '"last"']
    return VALUES


def observed(language: str) -> tuple[Problem, Observation]:
    prompt = PROGRAMS[language][0]
    examples = tuple(f">>> same({value})\n{value}" for value in values(language))
    problem = Problem("d", language, "T/0", prompt, 0, "same", "", examples, "base", "", "")
    made = observation(problem)
    assert made is not None
    assert len(made.calls) == len(examples)
    return problem, made


def outputs(executor: DockerExecutor, language: str, which: int) -> tuple[str, ...]:
    problem, made = observed(language)
    completion = PROGRAMS[language][which]
    job = Job(
        language=language,
        prompt=problem.prompt,
        completion=completion,
        test=made.test,
        kind="program",
        entry_point="same",
        program_hash=digest(language, problem.prompt, completion),
        test_hash=digest(made.test),
    )
    (execution,) = executor.run([job])
    if which != 2:
        assert execution.verdict == ("timeout" if which == 3 else "passed"), execution.detail
    return made.outputs(f"{execution.stdout}\n{execution.stderr}")


def test_every_language_is_here() -> None:
    assert {*PROGRAMS, "cpp"} == set(languages())


@pytest.mark.parametrize("language", PROGRAMS)
def test_values_come_out_as_they_went_in(executor: DockerExecutor, language: str) -> None:
    wanted = tuple(settled(read(value, language), language) for value in values(language))
    assert outputs(executor, language, 1) == wanted == observed(language)[1].expected


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_call_that_raises_leaves_the_others(executor: DockerExecutor, language: str) -> None:
    found, whole = outputs(executor, language, 2), outputs(executor, language, 1)
    at = len(whole) - 1 if language == "swift" else 0
    assert found[at] == FAILED
    assert found[:at] + found[at + 1 :] == whole[:at] + whole[at + 1 :]


@pytest.mark.parametrize("language", ["python", "java"])
def test_a_program_that_never_ends_gives_nothing(executor: DockerExecutor, language: str) -> None:
    assert set(outputs(executor, language, 3)) == {FAILED}


def test_a_function_called_check_is_observed(executor: DockerExecutor) -> None:
    problem = Problem(
        "d",
        "python",
        "T/0",
        "def check(x):\n",
        0,
        "check",
        "",
        (">>> check(1)\n2",),
        "base",
        "",
        "",
    )
    made = observation(problem)
    assert made is not None
    job = Job(
        "python", problem.prompt, "    return x + 1\n", made.test, "program", "check", "p", "t"
    )
    (execution,) = executor.run([job])
    assert made.outputs(f"{execution.stdout}\n{execution.stderr}") == ("2",)


def test_python_keeps_what_it_tells_apart(executor: DockerExecutor) -> None:
    values = ["(1, 2)", "{1, 2}", "{(1,): [2]}", "10000000000000000000000"]
    examples = tuple(f">>> same({value})\n{value}" for value in values)
    problem = Problem(
        "d", "python", "T/0", "def same(x):\n", 0, "same", "", examples, "base", "", ""
    )
    made = observation(problem)
    assert made is not None
    job = Job("python", problem.prompt, "    return x\n", made.test, "program", "same", "p", "u")
    (execution,) = executor.run([job])
    assert made.outputs(f"{execution.stdout}\n{execution.stderr}") == made.expected
    assert isinstance(read(values[2], "python"), Pairs)
    assert len(set(made.expected)) == 4


def test_values_of_cpp_have_types(executor: DockerExecutor) -> None:
    typed = {
        "int": "-7",
        "vector<vector<double>>": "vector<vector<double>>{{1.5, -2}, {}}",
        "unordered_map<string, int>": 'unordered_map<string, int>{{string("a"), 1}}',
        "unordered_set<int>": "unordered_set<int>{3, 1}",
        "bool": "true",
        "string": f"string({json.dumps(TEXT)})",
        "vector<bool>": "vector<bool>{true, false}",
    }
    for kind, value in typed.items():
        prompt = f"#include <bits/stdc++.h>\nusing namespace std;\n\n{kind} same({kind} x) {{\n"
        example = f"> same({value})\n{value}"
        problem = Problem("d", "cpp", "T/0", prompt, 0, "same", "", (example,), "base", "", "")
        made = observation(problem)
        assert made is not None, kind
        job = Job("cpp", prompt, "    return x;\n}\n", made.test, "program", "same", kind, "t")
        (execution,) = executor.run([job])
        assert made.outputs(execution.stdout) == made.expected, execution.detail
