"""Identical programs that are judged in two ways: found, quarantined, listed, left out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from made_nights import Nights
from made_runs import Said

from pipeline.records import Execution, Job, UserError

PASS = {"metric": "pass@1", "cells": "mini", "fall": "noise"}


class Flipping(Said):
    """The programs of one problem fail whenever they are executed for the second time."""

    def __init__(self, prompt: str, seen: Counter[str]) -> None:
        super().__init__()
        self.prompt = prompt
        self.seen = seen

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            (execution,) = super().run([job])
            self.seen[job.program_hash] += 1
            if self.prompt in job.prompt and self.seen[job.program_hash] > 1:
                other = "timeout" if execution.verdict == "passed" else "passed"
                execution = replace(execution, verdict=other)
            yield execution


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path, gates=[PASS], flaky={"programs": 1000, "nights": 2})


def first_prompt(nights: Nights) -> tuple[str, str]:
    """A problem that tonight's Python cell has, by a line that no other has."""
    from pipeline.benchmarks import load
    from pipeline.config import BenchmarkConfig

    problem = load(BenchmarkConfig(name="mini", languages=("python",), limit=10))[0][3]
    return problem.task_id, problem.prompt


def test_a_flaky_problem_leaves_the_gates_and_comes_back(nights: Nights) -> None:
    task, prompt = first_prompt(nights)
    nights.run(0.7)
    doc = json.loads((nights.place / "latest" / "summary.json").read_text())
    assert doc["flaky"]["quarantined"] == []
    assert doc["flaky"]["executed"] > 100  # every distinct program of the night

    seen: Counter[str] = Counter()
    assert nights.run(0.7, executor=lambda: Flipping(prompt, seen)) == 0
    doc = json.loads((nights.place / "latest" / "summary.json").read_text())
    assert {row["task_id"] for row in doc["flaky"]["quarantined"]} == {task}
    assert {row["night"] for row in doc["flaky"]["quarantined"]} == {2}
    text = (nights.place / "latest" / "summary.md").read_text()
    assert f"mini/python/{task}".replace("_", r"\_") in text
    assert task in (nights.place / "site" / "index.html").read_text()
    with nights.history() as history:
        said = {gate.series.split("/")[2]: gate.said for gate in history.gates(2)}
    assert "9 problems, 1 in quarantine left out" in said["python"]
    assert "10 problems, p" in said["java"]

    nights.run(0.7)  # steady again: still out, for as many nights as the YAML says
    nights.run(0.7)
    with nights.history() as history:
        found = [history.gates(number)[0].said for number in (3, 4)]
    assert "in quarantine" in found[0]
    assert "in quarantine" not in found[1]


def test_the_choice_of_programs_is_seeded(nights: Nights) -> None:
    drawn = []
    for name in ("one", "two"):
        nights.write(name=name, flaky={"programs": 7, "seed": 5})
        seen: Counter[str] = Counter()
        nights.nights = 0
        nights.run(0.7, executor=lambda seen=seen: Flipping("nowhere", seen))
        drawn.append(sorted(hash_ for hash_, times in seen.items() if times == 2))
    assert len(drawn[0]) == 7
    assert drawn[0] == drawn[1]


class GoneAfterwards(Said):
    """Sandboxes that answer for the cells and not for what is executed again."""

    opened = 0

    def prepare(self, languages: Iterable[str]) -> None:
        GoneAfterwards.opened += 1
        if GoneAfterwards.opened > 2:
            raise UserError("no Docker engine answers")


def test_what_cannot_be_executed_again_is_a_note(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    assert nights.run(0.7, executor=GoneAfterwards) == 0
    assert "was not executed again: no Docker engine answers" in capsys.readouterr().err
