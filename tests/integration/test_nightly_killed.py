"""A night in real sandboxes, killed again and again: it ends as one that nobody disturbed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.benchmarks import load
from pipeline.config import BenchmarkConfig
from pipeline.history import History
from pipeline.nightly.night import HISTORY
from tests.integration.runs import commits, forkeval, shards, start, succeed, tables, wait_for

pytestmark = pytest.mark.docker

LANGUAGES = ("python", "javascript")
PROBLEMS, N = 5, 8
ASKED = {
    "nights": "SELECT night, outcome FROM nights ORDER BY night",
    "cells": "SELECT night, series, position, state, reason, n, judged, passed, accepted "
    "FROM cells ORDER BY night, position",
    "figures": "SELECT night, series, metric, value, low, high FROM figures WHERE metric IN "
    "('pass@1', 'pass@4', 'executions', 'reused', 'truncation', 'infrastructure_errors') "
    "ORDER BY ALL",
    "gates": "SELECT night, series, metric, state, value, baseline, p FROM gates ORDER BY ALL",
    "executed again": "SELECT * FROM executed_again ORDER BY ALL",
    "flaky": "SELECT * FROM flaky ORDER BY ALL",
}


def completions(path: Path) -> Path:
    """Different programs all: of each problem's, those at an odd place are wrong."""
    rows = []
    own = BenchmarkConfig(name="mini", languages=LANGUAGES, limit=PROBLEMS)
    for test in load(own)[1]:
        mark = "#" if test.language == "python" else "//"
        end = "" if test.language == "python" else "}\n"
        for i in range(N):
            right = f"    {mark} {i}\n{test.canonical_solution}"
            text = f"    return 'no {i}'\n{end}" if i % 2 else right
            row = {"task_id": test.task_id, "language": test.language, "completion": text}
            rows.append(json.dumps(row) + "\n")
    path.write_text("".join(rows))
    return path


def nightly(folder: Path, recorded: Path) -> Path:
    """The YAML of a nightly evaluation in `folder`, which lies in `folder`/nights/real."""
    folder.mkdir()
    path = folder / "nightly.yaml"
    data = {
        "name": "real",
        "directory": str(folder / "nights"),
        "models": [{"name": "replayed", "completions": [str(recorded)]}],
        "benchmarks": [{"name": "mini", "languages": list(LANGUAGES), "limit": PROBLEMS}],
        "samplings": [{"name": "plain", "n": N}],
        "run": {
            "execute": {"workers": 1, "limits": {"cpu_seconds": 5.0}},
            "store": {"rows_per_shard": 4, "seconds_per_shard": 0.2},
            "report": {"k": [1, 4], "bootstrap": 100},
        },
        "gates": [
            {"metric": "pass@1", "cells": "mini", "fall": "noise"},
            {"metric": "infrastructure_errors", "below": 0.005},
        ],
        "flaky": {"programs": 4},
    }
    path.write_text(yaml.safe_dump(data))
    return path


def place(config: Path) -> Path:
    return config.parent / "nights" / "real"


def content(config: Path) -> dict[str, Any]:
    """What the history says, without what is measured."""
    with History(place(config) / HISTORY) as history:
        return {name: history.rows(sql) for name, sql in ASKED.items()}


def killed(config: Path, cell: Path, moment: Callable[[], bool]) -> int:
    """Kills a night at the moment; what its cell had stored lies there untouched. The process."""
    process = start("nightly", config)
    try:
        assert wait_for(moment, process, 180), "the night ended before it was killed"
    finally:
        process.kill()
        process.wait()
    assert shards(cell)
    return process.pid


def owners(client: Any) -> set[int]:
    """Processes whose containers are there."""
    found = client.containers.list(all=True, ignore_removed=True)
    return {int(o.split(":")[0]) for c in found if (o := c.labels.get("forkeval.owner"))}


@pytest.mark.timeout(900)
def test_killed_in_the_middle_a_night_loses_nothing_and_executes_nothing_twice(
    tmp_path: Path, docker_client: Any
) -> None:
    recorded = completions(tmp_path / "samples.jsonl")
    undisturbed, disturbed = (nightly(tmp_path / name, recorded) for name in ("one", "other"))
    succeed("nightly", undisturbed)
    first, second = (
        place(disturbed) / "runs" / "00001" / f"replayed--mini--{language}--plain"
        for language in LANGUAGES
    )
    executing = [lambda: commits(first, "execute") > 2, lambda: commits(second, "execute") > 2]
    dead = set()
    kept: dict[Path, dict[str, tuple[str, int]]] = {}
    for cell, moment in zip((first, second), executing, strict=True):
        dead.add(killed(disturbed, cell, moment))
        for path, had in kept.items():  # what earlier starts stored
            assert had.items() <= shards(path).items()
        kept = {path: shards(path) for path in (first, second) if path.exists()}
        done = [t.num_rows for p in kept for name, t in tables(p).items() if name == "executions"]
        assert 0 < done[-1] < PROBLEMS * N, "killed too early or too late to tell"
    succeed("nightly", disturbed)
    for path, had in kept.items():
        assert had.items() <= shards(path).items()
        # Keys are unique, and each is a program of its own.
        assert tables(path)["executions"].num_rows == PROBLEMS * N
    assert content(disturbed) == content(undisturbed)
    until = time.monotonic() + 30
    while dead & owners(docker_client) and time.monotonic() < until:
        time.sleep(0.1)
    assert not dead & owners(docker_client)

    succeed("nightly", disturbed)  # the next night has nothing to execute
    rows = content(disturbed)["figures"]
    figures = {(night, metric): value for night, _, metric, value, *_ in rows}
    assert figures[2, "executions"] == figures[2, "reused"] == PROBLEMS * N
    assert figures[1, "pass@1"] == 0.5
    assert forkeval("status", second).returncode == 0
