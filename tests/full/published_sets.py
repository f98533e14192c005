"""The published sets of programs: canonical solutions and completions, judged as published.

A program is the prompt and the published text, not truncated: the shares published with the data
are of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.backends.recorded import RecordedCompleter, with_canonical
from pipeline.benchmarks import load
from pipeline.benchmarks.data_files import VARIABLE, home, present
from pipeline.benchmarks.rows import read_jsonl
from pipeline.benchmarks.truncation import program_of
from pipeline.config import BackendConfig, BenchmarkConfig
from pipeline.manifests import ProblemFile, manifests
from pipeline.records import (
    Problem,
    ProblemKey,
    Program,
    Test,
    TruncationRule,
    UserError,
    digest,
)
from pipeline.services import CompletionRequest
from sandboxes import languages

ROOT = Path(__file__).resolve().parents[2]
Kind = Literal["canonical", "samples"]


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """One benchmark's programs of one kind in one language."""

    benchmark: str
    kind: Kind
    language: str

    @property
    def name(self) -> str:
        return f"{self.benchmark}_{self.kind}"

    @property
    def data(self) -> str:
        """Digest of the published files that the programs are made of, as the manifest has them."""
        manifest = manifests()[self.benchmark]
        replayed = self.kind == "samples"
        completions = manifest.completions[self.language].sha256 if replayed else ""
        return digest(manifest.problems[self.language].content, completions)

    def __str__(self) -> str:
        return f"{self.name}/{self.language}"


@dataclass(frozen=True, slots=True)
class Programs:
    """What the execute stage is handed, in the files' order."""

    problems: dict[ProblemKey, Problem]
    tests: dict[ProblemKey, Test]
    programs: tuple[Program, ...]


def sets(directory: Path) -> Iterator[PublishedSet]:
    """Every set whose files are in `directory` and whose language has a sandbox."""
    for manifest in manifests().values():
        place = home(manifest, directory)
        if place is None:
            continue
        for language, file in manifest.problems.items():
            if language not in languages.load():
                continue
            if _solved(place, manifest.name, language, file):
                yield PublishedSet(manifest.name, "canonical", language)
            if language in manifest.completions and present(place, manifest.completions[language]):
                yield PublishedSet(manifest.name, "samples", language)


def _solved(place: Path, benchmark: str, language: str, file: ProblemFile) -> bool:
    path = present(place, file)
    if path is None:
        return False
    rows = read_jsonl(path, benchmark, language=language).rows
    return any(row.canonical_solution is not None for row in rows)


def read(wanted: PublishedSet, directory: Path) -> Programs:
    """The programs of a set. Raises UserError where its files are missing or not the published."""
    manifest = manifests()[wanted.benchmark]
    language = wanted.language
    config = BenchmarkConfig.model_validate(
        {"name": wanted.benchmark, "languages": (language,), "path": directory}
    )
    problems, tests = load(config)
    if wanted.kind == "canonical":
        problems, tests, _ = with_canonical(problems, tests)
        backend = BackendConfig(name="recorded", canonical=True)
    else:
        place = home(manifest, directory)
        path = present(place, manifest.completions[language]) if place else None
        if path is None:
            raise UserError(f"{wanted}: {manifest.completions[language].file} is not there")
        backend = BackendConfig(name="recorded", completions=(path,))
    completer = RecordedCompleter(problems, tests, backend)
    by_key = {problem.key: problem for problem in problems}
    requests = (CompletionRequest(key, problem.prompt, (0,), ()) for key, problem in by_key.items())
    programs = [
        program_of(
            by_key[done.candidate.key.problem], done.candidate, TruncationRule(), (), cut=False
        )
        for done in completer.complete(requests)
    ]
    return Programs(by_key, {test.key: test for test in tests}, tuple(programs))


def published_directory() -> Path:
    """Where the published files are; UserError that says how to name the place."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else ROOT.parent / "shared" / "benchmarks"
    if not (path / "mbxp").is_dir():
        raise UserError(f"published benchmarks not found at {path}: set {VARIABLE}")
    return path
