"""Files of published benchmarks: where they are, and whether they are what the manifests say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.benchmarks.rows import read_bytes, read_jsonl
from pipeline.manifests import File, Manifest, ProblemFile, manifests
from pipeline.records import UserError

VARIABLE = "FORKEVAL_DATA"


def chosen(names: Sequence[str]) -> list[Manifest]:
    """The named manifests, all for no names; UserError for an unknown one."""
    known = manifests()
    for name in names:
        if name not in known:
            raise UserError(f"{name}: no published benchmark; there are {', '.join(known)}")
    return [known[name] for name in names or known]


def data_directory(path: Path | None, needed_by: str) -> Path:
    """`path`, else FORKEVAL_DATA; UserError that says how to give one."""
    named = os.environ.get(VARIABLE)
    directory = path or (Path(named) if named else None)
    if directory is None:
        raise UserError(
            f"{needed_by}: no data directory: set {VARIABLE}, or `path`, to where the published "
            "files are, or load them from the hub (`hub: true`, `forkeval data fetch`)"
        )
    if not directory.is_dir():
        whence = "path" if path else VARIABLE
        raise UserError(f"{needed_by}: {whence} is {directory}, which is not a directory")
    return directory


def home(manifest: Manifest, directory: Path) -> Path | None:
    """Where below `directory` the benchmark's files are; None when there are none of them."""
    for place in (directory / manifest.folder, directory / "data" / manifest.folder, directory):
        if any(present(place, file) for file in manifest.problems.values()):
            return place
    return None


def present(place: Path, file: File) -> Path | None:
    """The file as it lies in `place`, plain or gzip-compressed; None when it is absent."""
    plain = place / file.file
    for path in (plain, plain.with_name(plain.name + ".gz")):
        if path.is_file():
            return path
    return None


@dataclass(frozen=True, slots=True)
class Checked:
    """How one file compares with its manifest."""

    benchmark: str
    file: str
    path: Path | None
    state: Literal["ok", "missing", "differs"]
    detail: str


def check(path: Path | None = None, names: Sequence[str] = ()) -> list[Checked]:
    """Compares local files with the manifests, one row a file.

    A file of the same problems in another packaging is `ok`, as it is for loading: the detail
    says so.

    Raises UserError when there is no data directory, or an unknown benchmark is named.
    """
    directory = data_directory(path, "data check")
    rows: list[Checked] = []
    for manifest in chosen(names):
        place = home(manifest, directory)
        for file in manifest.files():
            found = present(place, file) if place else None
            rows.append(_compare(manifest.name, file, found))
    return rows


def _compare(benchmark: str, file: File, found: Path | None) -> Checked:
    if found is None:
        return Checked(benchmark, file.file, None, "missing", "not there")
    data = read_bytes(found)
    observed = hashlib.sha256(data).hexdigest()
    if observed == file.sha256:
        detail = f"{file.rows} rows" if file.rows else f"{len(data)} bytes"
        return Checked(benchmark, file.file, found, "ok", detail)
    if isinstance(file, ProblemFile) and _same_problems(benchmark, file, found):
        return Checked(benchmark, file.file, found, "ok", f"{file.rows} rows, packaged otherwise")
    lines = sum(1 for line in data.split(b"\n") if line.strip())
    count = f"{lines} rows, the manifest has {file.rows}; " if lines != file.rows > 0 else ""
    detail = f"{count}sha256 {observed[:12]}, the manifest has {file.sha256[:12]}"
    return Checked(benchmark, file.file, found, "differs", detail)


def _same_problems(benchmark: str, file: ProblemFile, path: Path) -> bool:
    language = next(
        name for name, known in manifests()[benchmark].problems.items() if known == file
    )
    try:
        return read_jsonl(path, benchmark, language=language).content() == file.content
    except UserError:
        return False  # broken lines: `differs`, and loading says which


def listing() -> list[str]:
    """Lines for `forkeval data list`."""
    lines: list[str] = []
    for manifest in manifests().values():
        lines.append(f"{manifest.name}: {manifest.title}")
        lines.append(f"  project {manifest.project}, licence {manifest.licence}")
        if manifest.hub:
            lines.append(f"  hub {manifest.hub.id} at {manifest.hub.revision}")
        lines += [
            f"  {language}: {file.rows} problems, {file.file}, sha256 {file.sha256[:12]}"
            for language, file in manifest.problems.items()
        ]
    return lines
