"""A watched folder of checkpoints: each is evaluated once, by training step."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from made_nights import Nights
from made_runs import Said
from pages import read

from pipeline.nightly.cells import matrix, versions
from pipeline.nightly.config import NightModel
from pipeline.nightly.loading import load
from pipeline.records import Execution, Job, UserError

PASS = {"metric": "pass@1", "cells": "training/mini", "fall": "noise"}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    (tmp_path / "ckpt").mkdir()
    return Nights(tmp_path, models=[training(tmp_path)], gates=[PASS])


def training(folder: Path, **keys: object) -> dict[str, object]:
    model = {"name": "training", "checkpoints": str(folder / "ckpt"), "step": r"step-(\d+)"}
    return {**model, "settle_seconds": 0, **keys}


def evaluated(nights: Nights, number: int) -> list[tuple[str, int | None]]:
    """Checkpoints of a night's Python cells."""
    rows = [row for row in nights.cells(number) if "/python/" in row.series]
    assert {row.state for row in rows} <= {"done"}
    return [(row.checkpoint, row.step) for row in rows]


def test_each_checkpoint_is_evaluated_once_in_the_order_of_its_step(nights: Nights) -> None:
    for step, chance in ((1000, 0.5), (200, 0.3)):
        nights.sample(chance, step, name=f"ckpt/run7-step-{step}.jsonl")
    assert nights.run() == 0
    assert evaluated(nights, 1) == [
        ("run7-step-200.jsonl", 200),
        ("run7-step-1000.jsonl", 1000),
    ]
    assert nights.run() == 0
    assert nights.cells(2) == []  # nothing is new
    nights.sample(0.6, 3, name="ckpt/run7-step-1500.jsonl")
    assert nights.run() == 0
    assert evaluated(nights, 3) == [("run7-step-1500.jsonl", 1500)]
    with nights.history() as history:
        assert "of night 1 (run7-step-1000.jsonl)" in history.gates(3)[0].said
        assert history.gates(2)[0].said == "no new checkpoint tonight"

    page = read(nights.place / "site" / "series" / "training--mini--python--t0.8.html")
    assert "training step" in page.texts
    hover = [text for text in page.texts if text.startswith("run7-step-")]
    assert any(text.startswith("run7-step-200.jsonl: ") for text in hover)
    line = next(a for a in page.all("polyline"))
    xs = [float(pair.split(",")[0]) for pair in str(line["points"]).split()]
    assert (xs[1] - xs[0]) / (xs[2] - xs[0]) == pytest.approx(800 / 1300, abs=1e-3)


def test_a_fall_between_checkpoints_is_a_failed_gate(nights: Nights) -> None:
    nights.sample(0.7, 1, name="ckpt/step-1.jsonl")
    assert nights.run() == 0
    nights.sample(0.2, 2, name="ckpt/step-2.jsonl")
    assert nights.run() == 1


def test_what_is_not_whole_yet_waits(nights: Nights, tmp_path: Path) -> None:
    config = load(str(nights.yaml), (), lambda text: None)
    folder = tmp_path / "ckpt" / "step-5"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"")
    assert versions(config.models[0]) == [], "it has no config.json"
    (folder / "config.json").write_text("{}")
    assert versions(config.models[0]) == [(folder, 5)]
    model = NightModel.model_validate(training(tmp_path, settle_seconds=60))
    assert versions(model) == [], "it was written to a moment ago"
    for file in folder.iterdir():
        os.utime(file, (0, 0))
    assert versions(model) == [(folder, 5)]
    folder.rename(tmp_path / "ckpt" / ".step-5")
    assert versions(model) == []


def test_a_glob_and_the_last_number_of_a_name(tmp_path: Path) -> None:
    for name in ("a/step-3", "b/step-12", "b/other-1"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "model.safetensors").write_bytes(b"")
    model = NightModel(name="m", checkpoints=tmp_path / "*" / "step-*", settle_seconds=0)
    assert [step for _, step in versions(model)] == [3, 12]


def test_a_name_without_a_step_is_one_line(nights: Nights) -> None:
    nights.sample(0.5, 1, name="ckpt/final.jsonl")
    with pytest.raises(UserError) as said:
        nights.run()
    assert str(said.value) == (
        f"{nights.folder}/ckpt/final.jsonl: no training step in its name: models training, key step"
    )


def test_a_checkpoint_directory_is_sampled_by_the_engine(nights: Nights, tmp_path: Path) -> None:
    tiny = Path(str(files("benchmarks_data"))) / "tiny_model"
    shutil.copytree(tiny, tmp_path / "ckpt" / "step-7")
    nights.write(
        models=[training(tmp_path)],
        benchmarks=[{"name": "mini", "languages": ["python"], "limit": 1}],
        samplings=[{"name": "greedy", "n": 1, "temperature": 0, "max_new_tokens": 4}],
        run={"engine": {"max_rows": 2, "threads": 1}},
    )

    config = load(str(nights.yaml), (), lambda text: None)
    (cell,) = matrix(config, set())
    assert cell.config.model.path == str(tmp_path / "ckpt" / "step-7")
    assert cell.name == "training@step-7/mini/python/greedy"
    assert nights.run(executor=Wrong) == 0
    figures = json.loads((nights.place / "latest" / "summary.json").read_text())["cells"][0]
    assert figures["figures"]["truncation"]["value"] == 1.0  # four tokens are no function
    assert figures["figures"]["tokens_per_second"]["value"] > 0


class Wrong(Said):
    """Judges every program as wrong, whatever it says."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            yield from super().run([replace(job, completion="verdict wrong_answer")])
