"""What a page holds of each problem: all programs, or those that it should keep."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from typing import Any

import pytest
from synthetic_run import synthetic_run

from reports import ReportInput, problem_data
from reports.tally import Placer, tally


@pytest.fixture(scope="module")
def run() -> ReportInput:
    return synthetic_run(problems=4, n=40, bodies=60)


def unpacked(run: ReportInput) -> tuple[list[str], list[dict[str, Any]]]:
    lines = problem_data.problem_data(run, tally(run), Placer(run.problems, run.n))
    return lines, [json.loads(gzip.decompress(base64.b64decode(line))) for line in lines]


def test_every_sample_is_in_the_group_of_its_program(run: ReportInput) -> None:
    _, found = unpacked(run)
    programs = {}
    verdicts = {}
    for row in run.programs.to_pylist():
        programs[row["language"], row["task_id"], row["sample_index"]] = row["completion"]
    for row in run.verdicts.to_pylist():
        verdicts[row["language"], row["task_id"], row["sample_index"]] = row["verdict"]
    for problem, data in zip(run.problems.to_pylist(), found, strict=True):
        assert data["prompt"] == problem["prompt"]
        assert data["left"] == {}
        seen = []
        for group in data["groups"]:
            for index in group["samples"]:
                key = (problem["language"], problem["task_id"], index)
                assert programs[key] == group["code"]
                assert verdicts[key] == group["verdict"]
            seen += group["samples"]
        assert sorted(seen) == list(range(40))
        assert len({group["code"] for group in data["groups"]}) == len(data["groups"])


def test_failures_say_why(run: ReportInput) -> None:
    _, found = unpacked(run)
    for data in found:
        for group in data["groups"]:
            assert group["detail"].startswith(group["verdict"])
            assert ("stderr" in group) == (group["verdict"] != "passed")


def test_what_does_not_fit_is_counted(run: ReportInput, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, everything = unpacked(run)
    limit = sum(map(len, whole)) // 2
    monkeypatch.setattr(problem_data, "LIMIT", limit)
    lines, found = unpacked(run)
    assert limit // 2 < sum(map(len, lines)) <= limit
    for data, all_of_it in zip(found, everything, strict=True):
        kept = Counter(group["verdict"] for group in data["groups"])
        samples = Counter()
        for group in data["groups"]:
            samples[group["verdict"]] += len(group["samples"])
        for verdict, (programs, drawn) in data["left"].items():
            kept[verdict] += programs
            samples[verdict] += drawn
        assert kept == Counter(group["verdict"] for group in all_of_it["groups"])
        assert sum(samples.values()) == 40
        # Each verdict shows its commonest program before any shows a second.
        shown = {group["verdict"] for group in data["groups"]}
        assert len(data["groups"]) <= len(shown) or shown == set(kept)
        assert data["left"]


def test_small_problems_leave_their_share_to_large_ones() -> None:
    assert problem_data.shares([100, 10, 100], 110) == [50, 10, 50]
    assert problem_data.shares([30, 10, 20], 100) == [30, 10, 20]
    assert problem_data.shares([], 100) == []
