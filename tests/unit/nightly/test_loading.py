"""A nightly YAML: every fault at once, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.nightly.cells import matrix
from pipeline.nightly.config import NightConfig
from pipeline.nightly.loading import load
from pipeline.yaml_config import ConfigError

FAULTY = """\
name: mine
models:
  - name: one
    path: tiny
    checkpoints: /checkpoints
  - name: two
    checkpoints: /checkpoints
    step: step-\\d+
benchmarks:
  - name: mini
    languages: [python]
samplings:
  - {name: a, n: 4, tempreature: 0.2}
limits: {money: 3}
baseline: {rule: run}
gates:
  - {metric: pass@1, cells: mbxp/java, fall: noise}
  - {metric: pass@10, fall: noise}
  - {metric: truncation, fall: noise}
  - {metric: speed, below: 0.5}
order: [model, language]
"""


METRIC = r"^(pass@[1-9][0-9]*|infrastructure_errors|truncation|tokens_per_second)$"


def quiet(text: str) -> None: ...


def read(folder: Path, text: str, *sets: str) -> NightConfig:
    path = folder / "nightly.yaml"
    path.write_text(text)
    return load(str(path), sets, quiet)


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as said:
        read(tmp_path, FAULTY)
    lines = [line.removeprefix(f"{tmp_path}/") for line in str(said.value).splitlines()]
    assert lines == [
        "nightly.yaml:5:18: models.0.checkpoints: path and checkpoints: name one of them",
        r"nightly.yaml:8:11: models.1.step: needs a group around the number, as in step-(\d+)",
        "nightly.yaml:13:21: samplings.0.tempreature: unknown key; did you mean temperature?",
        "nightly.yaml:14:17: limits.money: needs prices: set run.report.prices",
        "nightly.yaml:15:18: baseline.rule: rule run needs `run`, the directory of a run",
        "nightly.yaml:17:29: gates.0.cells: mbxp/java is no cell of this matrix; it has "
        "one/mini/python/a, two/mini/python/a",
        "nightly.yaml:18:14: gates.1.metric: pass@10 needs n >= 10, not 4",
        "nightly.yaml:19:14: gates.2.below: truncation needs `below: 0.02`",
        "nightly.yaml:19:32: gates.2.fall: is not for truncation: use `below`",
        f"nightly.yaml:20:14: gates.3.metric: 'speed' has other characters than {METRIC}",
        "nightly.yaml:21:8: order: must name each of model, benchmark, language, sampling once",
    ]


def test_paths_are_relative_to_the_file_and_set_changes_any_key(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "models: [{name: t, checkpoints: ckpt/step-*}]\nsamplings: [{name: a}]\n",
        "limits.hours=2.5",
    )
    assert config.models[0].checkpoints == tmp_path / "ckpt/step-*"
    assert config.limits.hours == 2.5
    assert config.place == tmp_path / "nights" / "nightly"


def test_the_named_example_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load("quickstart", (), quiet)
    assert config.place == tmp_path / "nights" / "quickstart"
    names = [cell.name for cell in matrix(config, set())]
    assert names == [f"tiny/mini/{x}/t0.8" for x in ("python", "java", "javascript")]


def test_what_a_run_would_refuse_is_refused_before_the_night(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as said:
        read(
            tmp_path,
            "models: [{name: t, completions: [a.jsonl]}]\n"
            "run: {rerank: {rankers: [mean_logprob]}}\n",
        )
    assert "recorded completions have no log-probabilities" in str(said.value)
    assert "nightly.yaml:1:" in str(said.value)
