"""Verdicts of the published sets as data, and the journal that a stopped judging goes on from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.records import Execution
from pipeline.stages.execute import ExecutionKey

FOLDER = Path(__file__).resolve().parents[2] / "sandboxes" / "results" / "published"
DETAIL_CHARS = 160


@dataclass(frozen=True, slots=True)
class Failed:
    """A program that did not pass: its verdict and what decided it, on one line."""

    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict of every program of one set in one language.

    retried: first verdicts of the programs that a retry, alone on an idle pool, gave another one.
    """

    set: str
    language: str
    data: str  # digest of the published files
    evidence: str
    image_digest: str
    limits_hash: str
    toolchain: str
    limits: str
    retries: int
    date: str
    machine: Mapping[str, Any]
    cpu_seconds: float  # of all programs' last executions, compilation in a warm process not in it
    passed: Sequence[str]  # task ids, in the files' order
    failed: Mapping[str, Failed]
    retried: Mapping[str, str] = field(default_factory=dict)
    # Programs whose verdicts rest on less than `evidence`.
    fallbacks: Sequence[str] = field(default_factory=list)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many programs got each verdict; `passed` first, then the most frequent."""
        failures = Counter(failed.verdict for failed in self.failed.values())
        return {"passed": len(self.passed), **dict(failures.most_common())}

    @property
    def programs(self) -> int:
        return len(self.passed) + len(self.failed)

    def verdict(self, task_id: str) -> str:
        return self.failed[task_id].verdict if task_id in self.failed else "passed"

    def identity(self) -> tuple[str, str, str, str, int]:
        """What the verdicts depend on: another one makes them stale."""
        return (self.data, self.evidence, self.image_digest, self.limits_hash, self.retries)


def path_of(name: str, language: str, folder: Path = FOLDER) -> Path:
    return folder / name / f"{language}.json"


def load(path: Path) -> Result | None:
    """A recorded result; None where there is none."""
    if not path.is_file():
        return None
    values = json.loads(path.read_text())
    del values["counts"]  # for the eye: made from the verdicts
    values["failed"] = {task: Failed(*pair) for task, pair in values["failed"].items()}
    return Result(**values)


def load_all(folder: Path = FOLDER) -> list[Result]:
    """Every recorded result, by set and language."""
    found = (load(path) for path in sorted(folder.glob("*/*.json")))
    return [result for result in found if result is not None]


def save(result: Result, path: Path) -> None:
    """Writes whole or not at all; a line for each failure, so that two versions compare well."""
    values = asdict(result) | {"counts": result.counts}
    values["failed"] = {task: [x.verdict, x.detail] for task, x in result.failed.items()}
    order = [*(k for k in values if k not in ("passed", "failed", "retried"))]
    lines = [f" {json.dumps(key)}: {json.dumps(values[key])}" for key in order]
    lines.append(f' "passed": {json.dumps(values["passed"])}')
    for key in ("retried", "failed"):
        rows = [f"  {json.dumps(task)}: {json.dumps(x)}" for task, x in values[key].items()]
        lines.append(f" {json.dumps(key)}: {{" + ",".join("\n" + row for row in rows) + "}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    part.replace(path)


@dataclass(frozen=True, slots=True)
class Row:
    """What a journal keeps of one execution."""

    key: ExecutionKey
    evidence: str
    verdict: str
    attempt: int
    detail: str
    cpu_seconds: float
    asked: str = "completed"  # the evidence that was asked for

    @staticmethod
    def of(done: Execution) -> Row:
        return Row(
            (done.program_hash, done.test_hash, done.image_digest, done.limits_hash),
            done.evidence,
            done.verdict,
            done.attempt,
            done.detail[:DETAIL_CHARS],
            done.m_cpu_seconds,
            done.asked_evidence,
        )


class Journal:
    """Executions of one set, appended as they end; a torn last line counts as not written.

    An infrastructure error is no verdict, so it is not kept: the next session tries again.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def rows(self) -> Iterator[Row]:
        if not self._path.is_file():
            return
        for line in self._path.read_text().splitlines():
            try:
                values = json.loads(line)
            except ValueError:
                continue  # torn by a kill
            values["key"] = tuple(values["key"])
            yield Row(**values)

    def add(self, row: Row) -> None:
        if row.verdict == "infrastructure_error":
            return
        # A line of its own even behind a torn one; opened each time, so that nothing is held back.
        with self._path.open("a") as file:
            file.write("\n" * (not _ends_well(self._path)) + json.dumps(asdict(row)) + "\n")


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return True
        file.seek(-1, 2)
        return file.read(1) == b"\n"
