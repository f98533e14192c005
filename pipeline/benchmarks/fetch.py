"""Published problems from the hub into a directory, so that runs need no network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.benchmarks import published
from pipeline.benchmarks.data_files import VARIABLE, chosen, home, present
from pipeline.benchmarks.rows import RowSet
from pipeline.records import UserError


def fetch(path: Path | None = None, names: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Fetches what is missing; yields (file, what was done) as it goes, one a language.

    path: where to, else FORKEVAL_DATA; it is made when absent. The files hold the published
    problems with the manifest's content digest, not the published bytes; few-shot prompts and
    published completions are not on the hub.

    Raises UserError where no directory is named, the hub cannot be reached, or it gives problems
    other than the manifest's.
    """
    named = os.environ.get(VARIABLE)
    directory = path or (Path(named) if named else None)
    if directory is None:
        raise UserError(f"data fetch: say where to: --path DIRECTORY, or set {VARIABLE}")
    for manifest in chosen(names):
        place = home(manifest, directory) or directory / manifest.folder
        for language, file in manifest.problems.items():
            if present(place, file):
                yield f"{manifest.name}/{file.file}", "there already"
                continue
            rows = published.from_hub(manifest, language)
            place.mkdir(parents=True, exist_ok=True)
            write(rows, place / file.file)
            yield f"{manifest.name}/{file.file}", f"{len(rows.rows)} problems"


def write(rows: RowSet, path: Path) -> None:
    """Writes rows in the published fields, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as out:
        for row in rows.rows:
            fields = {
                "task_id": row.task_id,
                "language": row.language,
                "prompt": row.prompt,
                "entry_point": row.entry_point,
                "test": row.test,
                "canonical_solution": row.canonical_solution,
                "description": row.description,
            }
            out.write(json.dumps(fields) + "\n")
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)
