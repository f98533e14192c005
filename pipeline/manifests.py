"""What there is to evaluate: the published benchmarks, and the languages of every benchmark.

A published benchmark is a YAML under ``benchmarks_data/manifests``: files, row counts, hashes,
licence, place on the hub. The hashes pin the data: one whose rows differ is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict

from sandboxes import languages


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Strict):
    """A published file. sha256: of its bytes (uncompressed). rows: 0 for files without rows."""

    file: str
    sha256: str
    rows: int = 0


class ProblemFile(File):
    """A file of problems. content: digest of its rows, whatever they are packaged in."""

    content: str


class Hub(_Strict):
    """A dataset repository. file: of one language's split, with `{language}` in its path."""

    id: str
    revision: str
    file: str


class Manifest(_Strict):
    """One published benchmark. folder: its usual place below the data directory."""

    name: str
    title: str
    project: str
    licence: str
    folder: str
    hub: Hub | None = None
    problems: dict[str, ProblemFile]
    headers: dict[str, File] = {}
    completions: dict[str, File] = {}

    def files(self) -> list[File]:
        """Every file, problems first."""
        groups: tuple[Iterable[File], ...] = (
            self.problems.values(),
            self.headers.values(),
            self.completions.values(),
        )
        return [file for group in groups for file in group]


@functools.cache
def manifests() -> dict[str, Manifest]:
    """All manifests by benchmark name, in alphabetical order."""
    folder = resources.files("benchmarks_data") / "manifests"
    found = [
        Manifest.model_validate(yaml.safe_load(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    ]
    return {manifest.name: manifest for manifest in sorted(found, key=lambda m: m.name)}


@functools.cache
def known_languages() -> tuple[str, ...]:
    """Every language that has a sandbox or is in a published benchmark, in alphabetical order."""
    published = {language for manifest in manifests().values() for language in manifest.problems}
    return tuple(sorted(published.union(languages.names())))


@functools.cache
def offered() -> dict[str, tuple[str, ...]]:
    """The languages of each benchmark that a configuration may name.

    `mini` has those of its files, a published benchmark those of its manifest, and `jsonl`, which
    is any file, every known one.
    """
    bundled = resources.files("benchmarks_data") / "mini"
    files = (entry.name for entry in bundled.iterdir())
    mini = sorted(name.removesuffix(".jsonl") for name in files if name.endswith(".jsonl"))
    published = {name: tuple(manifest.problems) for name, manifest in manifests().items()}
    return {"mini": tuple(mini), **published, "jsonl": known_languages()}
