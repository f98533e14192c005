"""Rankers that execute, through the command line and real sandboxes, on replayed completions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.benchmarks import load
from pipeline.config import BenchmarkConfig
from tests.integration.runs import shards, succeed

pytestmark = pytest.mark.docker

WRONG = {
    "python": "    return None\n",
    "java": "        return null;\n    }\n}",
    "javascript": "    return null;\n}\n",
}
CONFIG = """
name: ranked
benchmarks: [{name: mini, task_ids: TASKS}]
backend: {name: recorded, completions: [PATH]}
sampling: {n: 4}
rerank: {rankers: [random, public_examples, self_consistency, mbr_exec]}
report: {k: [1]}
"""


def test_examples_and_agreement_find_the_right_program(tmp_path: Path) -> None:
    problems, tests = load(BenchmarkConfig(name="mini"))
    documented = sorted({p.task_id for p in problems if p.public_examples})[:2]
    with (tmp_path / "completions.jsonl").open("w") as out:
        for problem, test in zip(problems, tests, strict=True):
            right = test.canonical_solution
            if problem.task_id not in documented or right is None:
                continue
            # A wrong one, and the right one in three spellings that agree.
            for text in (WRONG[problem.language], right, "\n" + right, "\n\n" + right):
                row = {"task_id": problem.task_id, "language": problem.language, "completion": text}
                out.write(json.dumps(row) + "\n")
    config = CONFIG.replace("TASKS", json.dumps(documented))
    (tmp_path / "my.yaml").write_text(
        config.replace("PATH", str(tmp_path / "completions.jsonl"))
        + f"directory: {tmp_path / 'runs'}\n"
    )
    succeed("run", tmp_path / "my.yaml")
    run = tmp_path / "runs" / "ranked"
    metrics = json.loads((run / "report" / "metrics.json").read_text())
    whole = next(scope for scope in metrics["scopes"] if scope["whole"])
    value = {row["metric"]: row["value"] for row in whole["ranking"]}
    assert value["random pass@1"] == 0.75
    for name in ("public_examples", "self_consistency", "mbr_exec"):
        assert value[f"{name} pass@1"] == 1.0
    spent = {one["ranker"]: one["executions"] for one in metrics["ranking_costs"]}
    assert spent["random"] == 0
    assert spent["public_examples"] == spent["mbr_exec"] == 4 * len(documented) * 3
    assert whole["public_examples"]["equal_tests"] > 0
    before = shards(run)
    succeed("resume", run, "--stage", "rerank")
    after = shards(run)
    again = {path for path in after if before.get(path) != after[path]}
    assert all("times-" in path for path in again), "nothing is run or ranked again"
