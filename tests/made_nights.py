"""Whole nights in a second: recorded completions that change from night to night, and an executor
that runs nothing (`made_runs.Said`).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from made_runs import Said, completions

from pipeline.assembly import completer
from pipeline.history import CellRow, History
from pipeline.nightly.loading import load
from pipeline.nightly.night import HISTORY, night
from pipeline.records import Execution, Job
from pipeline.run import Services
from pipeline.services import Executor

START = datetime(2026, 11, 1, 22, 0)
N = 8
PROBLEMS = 10


def quiet(text: str) -> None:
    """Warnings of a configuration, which these tests do not look at."""


class Nights:
    """A nightly evaluation in `folder`, night after night."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        self.folder = folder
        self.yaml = folder / "nightly.yaml"
        self.nights = 0
        self.write(**keys)

    def write(self, **keys: Any) -> None:
        """The YAML; keys: over what is set here."""
        data = {
            "name": "made",
            "directory": str(self.folder / "nights"),
            "models": [{"name": "replayed", "completions": [str(self.folder / "samples.jsonl")]}],
            "benchmarks": [{"name": "mini", "languages": ["python", "java"], "limit": PROBLEMS}],
            "samplings": [{"name": "t0.8", "n": N}],
            "run": {
                "execute": {"truncate": False, "retry_timeouts": 0},
                "report": {"k": [1, 4], "bootstrap": 100},
            },
            "flaky": {"programs": 0},
        }
        self.yaml.write_text(yaml.safe_dump(data | keys))

    @property
    def place(self) -> Path:
        return self.folder / "nights" / "made"

    def sample(self, chance: float, seed: int, n: int = N, name: str = "samples.jsonl") -> Path:
        return completions(self.folder / name, chance, seed, n)

    def run(
        self,
        chance: float = 0.5,
        seed: int | None = None,
        executor: Callable[[], Executor] = Said,
        sets: tuple[str, ...] = (),
        n: int = N,
    ) -> int:
        """One night, a day after the one before; the exit code."""
        self.nights += 1
        self.sample(chance, self.nights if seed is None else seed, n)
        at = START + timedelta(days=self.nights - 1)
        services = Services(completer, lambda config: executor())
        return night(load(str(self.yaml), sets, quiet), services, lambda: at)

    def history(self) -> History:
        return History(self.place / HISTORY)

    def cells(self, number: int) -> list[CellRow]:
        with self.history() as history:
            return history.cells(number)


class Unhurried(Said):
    """Takes its time, so that a night can be killed in the middle of a cell."""

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            time.sleep(0.01)
            yield from super().run([job])


def start(nights: Nights) -> subprocess.Popen[bytes]:
    """The next night of `nights`, whose samples are there, in a process that can be killed."""
    at = START + timedelta(days=nights.nights)
    root = Path(__file__).resolve().parents[1]
    return subprocess.Popen(
        [sys.executable, __file__, str(nights.yaml), at.isoformat()],
        env=os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


if __name__ == "__main__":
    sys.exit(
        night(
            load(sys.argv[1], (), quiet),
            Services(completer, lambda config: Unhurried()),
            lambda: datetime.fromisoformat(sys.argv[2]),
        )
    )
