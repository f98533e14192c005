"""Constant programs and what is known of the tests that they pass."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.benchmarks import constants, load, weak
from pipeline.benchmarks.weak import HASH, Findings
from pipeline.config import BenchmarkConfig
from pipeline.records import Execution, Job, Problem, UserError
from pipeline.weak_tests import measure
from sandboxes import languages
from sandboxes.languages import Constants

PYTHON = Constants(
    signature=r"def {entry_point}\s*\((?P<first>\w+)",
    body="{indent}return {value}\n",
    values={"always_true": ["True"], "empty": ["[]", "{}"], "first_argument": ["{first}"]},
)
PROMPTS = {  # a prompt of each language as published, and what its first parameter is called
    "python": ('def f(m, n):\n\t"""Says f(1, 2)."""\n', "m"),
    "java": (
        "class F {\n    public static int f(HashMap<String, List<Integer>> m, int n) {\n",
        "m",
    ),
    "javascript": ("// > f([1], 2)\nfunction f(m, n) {\n", "m"),
    "csharp": (
        "class P {\n    public static List<int> f (Dictionary<string, int> m, int n) \n    {",
        "m",
    ),
    "ruby": ("# irb> f([1], 2)\n# => 3\ndef f(m, n)", "m"),
    "php": ("<?php\n/** php > f([1], 2) */\nfunction f($m, $n){\n", "m"),
    "perl": ("# >>> f([1], 2)\nsub f\n{\n  my ($m, $n) = @_;\n", "m"),
    "cpp": (
        "#include <bits/stdc++.h>\nusing namespace std;\n\n\n/**\n * > f(1, 2)\n */\n"
        "vector<pair<int, int>> f(map<string, vector<int>> m, int n) {\n",
        "m",
    ),
    "go": (
        'package main\n\nimport (\n\t"reflect"\n)\n// >>> f(1, 2)\n'
        "func f (m []interface{}, n int) map[string]int {\n",
        "m",
    ),
    "swift": ("/**\n * >>> f(1, 2)\n */\nfunc f(m : [[Int]], n : Int) -> [String: Int] {\n", "m"),
    "kotlin": (
        "/**\n * >>> f(1, 2)\n */\nfun f(m : List<Int>, n : Int) : Map<String, Int> {\n",
        "m",
    ),
    "scala": (
        "object Main extends App {\n    /**\n     * >>> f(1, 2)\n     */\n"
        "    def f(m : List[Int], n : Int) : Map[String, Int] = {\n",
        "m",
    ),
    "typescript": ("/** >>> f([1], 2) */\nconst f = function (m: any, n: number) : any  {\n", "m"),
}


def problem(prompt: str, entry_point: str = "f") -> Problem:
    return Problem(
        dataset="d",
        language="python",
        task_id="D/1",
        prompt=prompt,
        header_chars=0,
        entry_point=entry_point,
        description="",
        public_examples=(),
        prompt_form="base",
        source_sha256="",
        overlay="",
    )


def test_a_body_is_indented_as_the_prompt_is() -> None:
    found = list(constants.completions(PYTHON, problem(PROMPTS["python"][0])))
    assert found == [
        ("always_true", "\treturn True\n"),
        ("empty", "\treturn []\n"),
        ("empty", "\treturn {}\n"),
        ("first_argument", "\treturn m\n"),
    ]


def test_what_the_prompt_does_not_show_is_left_out() -> None:
    found = dict(constants.completions(PYTHON, problem('def f():\n    """No parameter."""\n')))
    assert set(found) == {"always_true", "empty"}


def test_the_few_shot_header_is_not_looked_at() -> None:
    header = "def f(other):\n        pass\n"
    shown = problem(header + "def f(m):\n    pass\n")
    shown = dataclasses.replace(shown, header_chars=len(header))
    found = dict(constants.completions(PYTHON, shown))
    assert found["first_argument"] == "    return m\n"


@pytest.mark.parametrize("name", [n for n, x in languages.load().items() if x.constants])
def test_shipped_constants(name: str) -> None:
    """Every language has the names of the tables, and finds its first parameter."""
    shipped = languages.get(name).constants
    assert shipped is not None
    assert tuple(shipped.values) == constants.NAMES
    prompt, first = PROMPTS[name]
    found = list(constants.completions(shipped, problem(prompt)))
    assert {n for n, _ in found} == set(constants.NAMES)
    for constant, completion in found:
        if constant == "first_argument":
            assert re.search(rf"\b{first}\b", completion)


class Passing:
    """Passes the programs that return the value; stops after `most`."""

    def __init__(self, value: str, most: int = 10**6, verdict: str = "wrong_answer") -> None:
        self.value, self.most, self.verdict = value, most, verdict
        self.ran: list[Job] = []

    def prepare(self, languages: Iterable[str]) -> None:
        pass

    def image_digest(self, language: str) -> str:
        return "sha256:1"

    def limits_hash(self, language: str) -> str:
        return ""

    def environment(self) -> Mapping[str, Any]:
        return {}

    def close(self) -> None:
        pass

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            if len(self.ran) == self.most:
                raise KeyboardInterrupt
            self.ran.append(job)
            passed = f"return {self.value}\n" in job.completion
            yield Execution(
                program_hash=job.program_hash,
                test_hash=job.test_hash,
                image_digest="sha256:1",
                limits_hash="",
                asked_evidence=job.evidence,
                evidence=job.evidence,
                attempt=0,
                language=job.language,
                verdict="passed" if passed else self.verdict,  # type: ignore[arg-type]  # as given
                exit_code=0,
                detail="",
                stdout="",
                stderr="",
                toolchain="",
                m_compile_seconds=0.0,
                m_cpu_seconds=0.0,
                m_wall_seconds=0.0,
                m_peak_memory_bytes=0.0,
            )


MINI = BenchmarkConfig(name="mini", languages=("python",), limit=5)
PROGRAMS = 5 * 3  # of problems without parameters


def test_findings_are_written_and_read_again(tmp_path: Path) -> None:
    found = measure(MINI, PYTHON, Passing("{}"), "python 1", tmp_path)
    _, tests = load(MINI)
    assert found.tests == tuple(test.test_hash[:HASH] for test in tests)
    assert set(found.weak.values()) == {("empty",)}
    assert list(found.tasks.values()) == [test.task_id for test in tests]
    assert weak.read(tmp_path) == [found]
    assert [path.name for path in tmp_path.iterdir()] == ["mini-python.json"]


def test_findings_stand_until_programs_tests_or_toolchain_change(tmp_path: Path) -> None:
    measure(MINI, PYTHON, Passing("{}"), "python 1", tmp_path)
    again = Passing("{}")
    measure(MINI, PYTHON, again, "python 1", tmp_path)
    assert not again.ran
    measure(MINI, PYTHON, again, "python 2", tmp_path)
    assert len(again.ran) == PROGRAMS


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    first = Passing("True", most=4)
    with pytest.raises(KeyboardInterrupt):
        measure(MINI, PYTHON, first, "python 1", tmp_path)
    with (tmp_path / "mini-python.part.jsonl").open("a") as log:
        log.write('["sha256:1", "cut off')
    second = Passing("True")
    found = measure(MINI, PYTHON, second, "python 1", tmp_path)
    assert len(second.ran) == PROGRAMS - 4
    assert set(found.weak.values()) == {("always_true",)}
    assert len(found.weak) == 5


def test_a_sandbox_that_failed_is_no_finding(tmp_path: Path) -> None:
    failing = Passing("True", verdict="infrastructure_error")
    with pytest.raises(UserError, match=r"failed on 10 of 15 programs: run the same command again"):
        measure(MINI, PYTHON, failing, "python 1", tmp_path)
    assert weak.read(tmp_path) == []
    measure(MINI, PYTHON, again := Passing("True"), "python 1", tmp_path)
    assert len(again.ran) == 10


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "mini-python.json").write_text("{}")
    with pytest.raises(UserError, match=r"mini-python\.json: no findings"):
        weak.read(tmp_path)


def test_what_was_not_tried_is_not_called_strong() -> None:
    found = next(f for f in weak.shipped() if f.benchmark == "mbxp" and f.weak)
    test, names = next(iter(found.weak.items()))
    assert weak.passed_by(found.language, test + "0" * 48) == names
    strong = next(test for test in found.tests if test not in found.weak)
    assert weak.passed_by(found.language, strong) == ()
    assert weak.passed_by(found.language, "0" * 64) is None
    assert weak.passed_by("cobol", test) is None


@pytest.mark.parametrize("found", weak.shipped(), ids=lambda found: str(found.file_name))
def test_shipped_findings_are_of_the_tests_of_today(found: Findings, tmp_path: Path) -> None:
    assert set(found.weak) == set(found.tasks) <= set(found.tests)
    assert all(set(names) <= set(found.constants) for names in found.weak.values())
    assert found.write(tmp_path).name == found.file_name
    if found.benchmark == "mini":  # the one benchmark whose data are here
        config = BenchmarkConfig(name="mini", languages=(found.language,))
        assert found.tests == tuple(test.test_hash[:HASH] for test in load(config)[1])
