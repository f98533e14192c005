"""`forkeval show` and the summary that `forkeval status` prints, of a whole run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from made_runs import N, make_run

from pipeline.records import UserError
from pipeline.reported import summary
from pipeline.show import grouped, show

TASK = "mini/python/Mini/0"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("shown"), "shown")


def test_every_sample_is_in_one_group(run: Path) -> None:
    lines = list(show(run, TASK, None))
    seen = [
        int(index)
        for line in lines
        if (found := re.match(r"-- samples? ([\d, ]+)", line))
        for index in found[1].split(",")
        if index.strip()
    ]
    assert sorted(seen) == list(range(N))
    assert sum(map(int, re.findall(r"\d+", lines[2]))) == N


def test_identical_programs_are_one_group_the_largest_first() -> None:
    keys = [("d", "l", "t", i) for i in range(4)]
    programs = {key: {"program_hash": "a" if key[3] == 1 else "b"} for key in keys[:3]}
    assert grouped(keys, programs) == [[keys[0], keys[2]], [keys[1]], [keys[3]]]


def test_one_sample_and_one_that_is_not_there(run: Path) -> None:
    assert any("sample 3:" in line for line in show(run, TASK, 3))
    with pytest.raises(UserError, match=f"no sample {N} of {TASK}"):
        list(show(run, TASK, N))


def test_the_summary_is_that_of_the_report(run: Path) -> None:
    metrics = run / "report" / "metrics.json"
    found = list(summary(metrics))
    whole = next(s for s in json.loads(metrics.read_text())["scopes"] if s["whole"])
    assert found[0].startswith(f"pass@1: {100 * whole['metrics'][0]['value']:.1f} % [")
    assert list(summary(run / "nothing.json")) == []
