"""Constant programs through real sandboxes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.benchmarks.weak import HASH
from pipeline.config import BenchmarkConfig
from pipeline.weak_tests import measure
from sandboxes import languages
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

PROMPTS = {
    "python": "def f(values):\n    pass\n",
    "javascript": "function f(values) {\n",
    "java": "class F {\n    public static Object f(Object values) {\n",
    "csharp": "using System;\npublic class F {\n    public static object f(object values) {\n",
}
# Each passes nothing but what its comment says.
TESTS = {
    "python": (
        "def check(f):\n    assert f([1]) == [1] and f(2) == 2\n",  # the first argument
        "def check(f):\n    assert f(1) is True\n",  # true
        "def check(f):\n    assert f(1) == 2\n",  # none
    ),
    "javascript": (
        "if (f(1) !== 1 || f(2) !== 2) throw 'wrong';\n",
        "if (f(1) !== true) throw 'wrong';\n",
        "if (f(1) !== 2) throw 'wrong';\n",
    ),
    "java": tuple(
        "class Main { public static void main(String[] a) {"
        f" if (!F.f({given}).equals({wanted})) throw new Error(); }} }}"
        for given, wanted in [('"b"', '"b"'), ("1", "true"), ("1", "2")]
    ),
    "csharp": (
        'static void Main() { if ((string)f("b") != "b") throw new Exception(); } }',
        "static void Main() { if (!f(1).Equals(true)) throw new Exception(); } }",
        "static void Main() { if (!f(1).Equals(2)) throw new Exception(); } }",
    ),
}


@pytest.mark.parametrize("name", TESTS)
def test_weak_tests_are_found(name: str, tmp_path: Path, executor: DockerExecutor) -> None:
    constants = languages.get(name).constants
    assert constants is not None
    data = tmp_path / "data.jsonl"
    with data.open("w") as out:
        for index, test in enumerate(TESTS[name]):
            row = {
                "task_id": f"T/{index}",
                "language": name,
                "prompt": PROMPTS[name],
                "entry_point": "f",
                "test": test,
            }
            print(json.dumps(row), file=out)
    config = BenchmarkConfig(name="jsonl", path=data)
    found = measure(config, constants, executor, "toolchain", tmp_path / "findings")
    by_task = {found.tasks[test]: names for test, names in found.weak.items()}
    assert by_task == {"T/0": ("first_argument",), "T/1": ("always_true",)}
    assert len(found.tests) == 3
    assert all(len(test) == HASH for test in found.tests)
