"""Whole run directories in a second: recorded completions, and an executor that runs nothing.

A completion says in its text what becomes of it (`verdict wrong_answer`), so no program is run.
Everything else is real: the load, sample, execute, rerank and report stages, and the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from pipeline.assembly import completer
from pipeline.benchmarks import load
from pipeline.config import BenchmarkConfig, RunConfig
from pipeline.records import VERDICTS, Execution, Job, Verdict
from pipeline.run import Run, Services
from pipeline.stages import STAGES, Stage
from pipeline.store import Store

LANGUAGES = ("python", "java", "javascript")
PROBLEMS = 10  # of each language
N = 8


class Said:
    """An `Executor` that gives the verdict which the completion names."""

    def __init__(self, image: str = "one") -> None:
        self.image = image

    def prepare(self, languages: Iterable[str]) -> None: ...

    def image_digest(self, language: str) -> str:
        return f"sha256:{self.image}-{language}"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> Mapping[str, Any]:
        return {"images": {name: {"toolchain": f"{name} {self.image}"} for name in LANGUAGES}}

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in jobs:
            word = job.completion.split("verdict ")[1].split()[0]
            assert word in VERDICTS
            yield Execution(
                job.program_hash, job.test_hash, self.image_digest(job.language), "limits",
                job.evidence, job.evidence, job.attempt, job.language, cast("Verdict", word), 0,
                "", "", "", f"{job.language} {self.image}", 0.0, 0.25, 0.3, 0.0,
            )  # fmt: skip

    def close(self) -> None: ...


def completions(path: Path, chance: float, seed: int, n: int = N) -> Path:
    """Seeded completions of the mini benchmark; `chance` that one passes, moved by the problem."""
    rng = np.random.default_rng(seed)
    hardness = np.random.default_rng(0).uniform(-0.2, 0.2, 100)  # the same for every seed
    rows = []
    for problem in load(BenchmarkConfig(name="mini", languages=LANGUAGES, limit=PROBLEMS))[0]:
        own = chance + hardness[int(problem.task_id.split("/")[1]) % 100]
        for _ in range(n):
            word = "passed" if rng.random() < own else str(rng.choice(["wrong_answer", "timeout"]))
            mark = "#" if problem.language == "python" else "//"
            text = f"    {mark} verdict {word} {rng.integers(10**6)}\n"
            rows.append(
                {"task_id": problem.task_id, "language": problem.language, "completion": text}
            )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_run(
    folder: Path,
    name: str,
    chance: float = 0.5,
    seed: int = 0,
    *,
    image: str = "one",
    stages: Sequence[Stage] = STAGES,
    **sections: Any,
) -> Path:
    """A run directory `folder/name`; sections: of the configuration, over what is set here."""
    n = sections.get("sampling", {}).get("n", N)
    recorded = completions(folder / f"{name}.jsonl", chance, seed, n)
    config = RunConfig.model_validate(
        {
            "name": name,
            "benchmarks": [{"name": "mini", "languages": LANGUAGES, "limit": PROBLEMS}],
            "backend": {"name": "recorded", "completions": [str(recorded)]},
            "sampling": {"n": n},
            "execute": {"truncate": False, "retry_timeouts": 0},
            "rerank": {"rankers": ["random"]},
            "report": {"k": [1, 4, 100], "bootstrap": 500},
        }
        | sections
    )
    services = Services(completer, lambda config: Said(image))
    with Store.create(folder / name, config) as store:
        Run(config, store, stages, services)()
    return folder / name
