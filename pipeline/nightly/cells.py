"""The cells of a night: which runs there are to be, in which order."""

from __future__ import annotations

import glob
import re
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.nightly.config import Axis, NightConfig, NightModel, languages_of
from pipeline.records import UserError


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a night. series: what is one line in the history; a checkpoint is a point."""

    model: str
    benchmark: str
    language: str
    sampling: str
    config: RunConfig  # its name and directory are the night's to give
    checkpoint: str = ""
    step: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.series, self.checkpoint

    @property
    def series(self) -> str:
        return "/".join((self.model, self.benchmark, self.language, self.sampling))

    @property
    def name(self) -> str:
        return named(self.series, self.checkpoint)


def named(series: str, checkpoint: str) -> str:
    model, _, rest = series.partition("/")
    return f"{model}@{checkpoint}/{rest}" if checkpoint else series


def folder(name: str) -> str:
    """A cell's name as that of a directory and of a run."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name.replace("/", "--"))


def matrix(config: NightConfig, evaluated: Collection[tuple[str, str]]) -> list[Cell]:
    """All cells in their stated order. evaluated: (series, checkpoint) that have their run already;
    of those only what is no checkpoint comes again.
    """
    found = []
    for model, benchmark, sampling in product(config.models, config.benchmarks, config.samplings):
        for language in languages_of(benchmark):
            for path, step in versions(model):
                cell = Cell(
                    model.name,
                    benchmark.dataset,
                    language,
                    sampling.name,
                    config.run_config(model, benchmark, language, sampling, path),
                    path.name if path is not None else "",
                    step,
                )
                if path is None or cell.key not in evaluated:
                    found.append(cell)
    places: dict[Axis, list[str]] = {
        "model": [item.name for item in config.models],
        "benchmark": [item.dataset for item in config.benchmarks],
        "language": list(dict.fromkeys(x for b in config.benchmarks for x in languages_of(b))),
        "sampling": [item.name for item in config.samplings],
    }
    return sorted(  # stable: checkpoints stay in the order of their steps
        found, key=lambda cell: [places[axis].index(getattr(cell, axis)) for axis in config.order]
    )


def versions(model: NightModel) -> list[tuple[Path | None, int | None]]:
    """The model itself, or the checkpoints that are there by now, in the order of their steps."""
    if model.checkpoints is None:
        return [(None, None)]
    found = [(path, step_of(model, path)) for path in watched(model)]
    names = [path.name for path, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"{model.checkpoints}: two checkpoints are called {name}: the history tells them "
                "apart by name; rename one"
            )
    ordered = sorted(found, key=lambda item: (item[1], item[0].name))
    return [*ordered]


def step_of(model: NightModel, path: Path) -> int:
    match = re.search(model.step, path.name)
    if match is None or not match[1].isdecimal():
        raise UserError(f"{path}: no training step in its name: models {model.name}, key step")
    return int(match[1])


def watched(model: NightModel) -> Iterator[Path]:
    """What is in the directory, or fits the glob, and looks whole: nobody has written to it since.

    A name that begins with a dot is what a trainer writes before it renames it.
    """
    place = Path(str(model.checkpoints))
    paths = place.iterdir() if place.is_dir() else map(Path, glob.glob(str(place)))
    for path in sorted(paths):
        if path.name.startswith(".") or not complete(path):
            continue
        files = path.iterdir() if path.is_dir() else iter((path,))
        newest = max(file.stat().st_mtime for file in files)
        if time.time() - newest >= model.settle_seconds:
            yield path


def complete(path: Path) -> bool:
    if path.is_dir():
        return (path / "config.json").is_file() and any(path.glob("*.safetensors"))
    return path.suffix == ".jsonl" and path.is_file()
