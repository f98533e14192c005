"""The acceptance of the tiny model: sound configurations, verdicts that follow the numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks_data.tiny_model import acceptance
from pipeline import yaml_config


def report(out: Path, run: str, one: float, ten: float, half_width: float) -> None:
    """A metrics.json with pass@1, pass@10 and pass@100 of one language."""
    folder = out / "runs" / run / "report"
    folder.mkdir(parents=True)
    language = run.split("-")[1]
    metrics = [
        {"metric": f"pass@{k}", "value": v, "low": v - half_width, "high": v + half_width}
        for k, v in ((1, one), (10, ten), (100, 0.5))
    ]
    machine = {"cores": 2, "processor": "x"}
    environment: dict[str, Any] = {
        "sample": {
            "meaning": {"weights": "w"}, "device": "d", "torch": "t", "cuda": "", "max_rows": 1
        },
        "execute": {"machine": machine, "images": {}},
    }  # fmt: skip
    scopes = [{"kind": "language", "language": language, "metrics": metrics}]
    text = json.dumps({"scopes": scopes, "environment": environment})
    (folder / "metrics.json").write_text(text)


def test_a_ratio_holds_only_with_disjoint_intervals(tmp_path: Path) -> None:
    report(tmp_path, "model-python", 0.15, 0.20, 0.02)
    report(tmp_path, "random-python", 0.01, 0.04, 0.005)
    report(tmp_path, "shuffled-python", 0.06, 0.09, 0.10)
    report(tmp_path, "model-java", 0.15, 0.20, 0.02)  # its controls have not run
    result = acceptance.compare(tmp_path)
    assert list(result["results"]) == ["python"]
    holds = {(c["metric"], c["control"]): c["holds"] for c in result["checks"]}
    assert holds == {
        ("pass@1", "random"): True,
        ("pass@10", "random"): True,
        ("pass@1", "shuffled"): False,  # 2.5 times
        ("pass@10", "shuffled"): False,  # 2.2 times, but the intervals overlap
    }
    assert "| python | model | 15.00 [13.00, 17.00]" in "\n".join(acceptance.lines(result))


def test_languages_that_did_not_run_are_taken_from_before(tmp_path: Path) -> None:
    for language, folder in (("python", tmp_path / "old"), ("java", tmp_path / "new")):
        report(folder, f"model-{language}", 0.15, 0.20, 0.02)
        report(folder, f"random-{language}", 0.01, 0.04, 0.005)
        report(folder, f"shuffled-{language}", 0.03, 0.09, 0.01)
    before = acceptance.compare(tmp_path / "old")
    result = acceptance.compare(tmp_path / "new", before)
    assert list(result["results"]) == ["python", "java"]
    assert result["results"]["python"] == before["results"]["python"]
    assert [check["holds"] for check in result["checks"]] == [True] * 8
    before["environment"]["python"]["weights"] = "another"
    with pytest.raises(ValueError, match="different weights"):
        acceptance.compare(tmp_path / "new", before)


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no language has all"):
        acceptance.compare(tmp_path)


def test_every_configuration_is_sound(published: Path, tmp_path: Path) -> None:
    acceptance.prepare(published, tmp_path, n=2, temperature=0.8, rows=64)
    configs = sorted(tmp_path.glob("*.yaml"))
    assert len(configs) == 9
    for path in configs:
        config = yaml_config.load(str(path))
        assert config.sampling.n == 2
    java = yaml_config.load(str(tmp_path / "model-java.yaml"))
    assert len(java.benchmarks[0].task_ids) == 300
