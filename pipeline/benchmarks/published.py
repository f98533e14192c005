"""Published benchmarks as their manifests describe them: from a directory, or from the hub.

Prompts, tests and solutions stay byte-exact. Rows that are not those of the manifest are refused,
however they are packaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.benchmarks import data_files
from pipeline.benchmarks.rows import Faults, RowSet, check_rows, read_bytes, read_jsonl
from pipeline.config import BenchmarkConfig, Language
from pipeline.manifests import Hub, Manifest, ProblemFile, manifests
from pipeline.records import UserError


def row_sets(config: BenchmarkConfig) -> list[RowSet]:
    """The rows of every wanted language, in the manifest's order.

    Raises UserError for missing files (all at once), broken lines, and rows that differ from the
    manifest's.
    """
    manifest = manifests()[config.name]
    languages = [x for x in manifest.problems if not config.languages or x in config.languages]
    if config.hub:
        return [from_hub(manifest, language) for language in languages]
    directory = data_files.data_directory(config.path, config.name)
    place = _home(manifest, directory)
    missing: list[str] = []
    paths: dict[Language, Path] = {}
    for language in languages:
        found = data_files.present(place, manifest.problems[language])
        if found:
            paths[language] = found
        else:
            missing.append(f"{language} ({manifest.problems[language].file})")
    if missing:
        raise UserError(
            f"{manifest.name}: {place} lacks {', '.join(missing)}: fetch them (`forkeval data "
            f"fetch {manifest.name}`), or list the `languages` that are there"
        )
    return [_from_file(manifest, language, path) for language, path in paths.items()]


def published_header(config: BenchmarkConfig, language: Language) -> str:
    """The benchmark's published few-shot prompt of a language, byte-exact.

    Raises UserError where its file is missing or differs.
    """
    manifest = manifests()[config.name]
    file = manifest.headers[language]
    directory = data_files.data_directory(config.path, f"{config.name} header")
    path = data_files.present(_home(manifest, directory), file)
    if path is None:
        raise UserError(f"header: {file.file} is not in {directory}: fetch the published files")
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise UserError(
            f"header: {path} is not the published file (sha256 differs from the manifest's): fetch "
            "it again, or name it as a file (`header: PATH`)"
        )
    return data.decode("utf-8")


def _home(manifest: Manifest, directory: Path) -> Path:
    place = data_files.home(manifest, directory)
    if place is None:
        raise UserError(
            f"{manifest.name}: no file of it in {directory}, nor in {manifest.folder} below it: "
            f"set {data_files.VARIABLE} or `path` to where {manifest.folder} is, or `hub: true`"
        )
    return place


def _from_file(manifest: Manifest, language: Language, path: Path) -> RowSet:
    found = read_jsonl(path, manifest.name, language=language)
    expected = manifest.problems[language]
    if found.sha256 != expected.sha256 and found.content() != expected.content:
        raise UserError(
            f"{path}: not the published file ({len(found.rows)} problems, sha256 "
            f"{found.sha256[:12]}; the manifest has {expected.rows}, {expected.sha256[:12]}): "
            "fetch it again, or load it under a name of its own (`name: jsonl`)"
        )
    return found


def from_hub(manifest: Manifest, language: Language) -> RowSet:
    """One language from the hub, at the manifest's revision, through `datasets`.

    Raises UserError where the hub cannot be reached or gives other rows than the manifest's.
    """
    if manifest.hub is None:
        raise UserError(f"{manifest.name} is not on the hub: set `path`")
    source = _split(manifest.hub, language)
    return rows_of_dataset(manifest, language, source, _open(manifest.hub, language, source))


def rows_of_dataset(
    manifest: Manifest, language: Language, source: str, dataset: Iterable[dict[str, Any]]
) -> RowSet:
    """The rows of one split, as `datasets` gives them, checked as those of a file are.

    They carry the sha256 of the published file whose content they are proved to have, so that it
    does not matter to a run where its data came from.
    """
    rows = check_rows(enumerate(dataset, start=1), Faults(source), language=language)
    expected: ProblemFile = manifest.problems[language]
    found = RowSet(manifest.name, source, expected.sha256, rows)
    if found.content() != expected.content:
        raise UserError(
            f"{source}: {len(rows)} problems that are not those of the manifest "
            f"({expected.rows} problems, content {expected.content[:12]}): use the published files"
        )
    return found


def _split(hub: Hub, language: Language) -> str:
    return f"hf://datasets/{hub.id}@{hub.revision}/{hub.file.format(language=language)}"


def _open(hub: Hub, language: Language, source: str) -> Sequence[dict[str, Any]]:
    import datasets  # takes a second, and only the hub needs it

    try:
        # The library is not typed for us; what it gives is checked row by row.
        return datasets.load_dataset(  # type: ignore[no-any-return]
            hub.id,
            revision=hub.revision,
            data_files={"test": hub.file.format(language=language)},
            split="test",
        )
    except Exception as error:  # the library raises whatever its transport does
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{source}: the hub gave nothing ({reason}): check the network, or get the published "
            f"files and set {data_files.VARIABLE}"
        ) from error
