"""Any JSON Lines file with the published fields: other suites, or one's own problems."""

from __future__ import annotations

import dataclasses

from pipeline.benchmarks.rows import RowSet, read_jsonl
from pipeline.config import BenchmarkConfig
from pipeline.records import UserError


def row_sets(config: BenchmarkConfig) -> list[RowSet]:
    """The rows of the file at `path` (plain or ``.gz``) in the wanted languages.

    Rows without a `language` field take the configuration's, when it names exactly one. The
    dataset is named after the file. Raises UserError for a missing file or language, and for every
    broken line at once.

    Programs of the kind `stdin` are whole: give their language `sampling.stop: []`, since stop
    strings that end a function would end them at their first definition.
    """
    path = config.path
    assert path is not None  # the configuration demands it
    if not path.is_file():
        raise UserError(f"jsonl: path is {path}, which is not a file")
    default = config.languages[0] if len(config.languages) == 1 else None
    found = read_jsonl(path, config.dataset, default=default)
    if not config.languages:
        return [found]
    there = {row.language for row in found.rows}
    absent = [language for language in config.languages if language not in there]
    if absent:
        raise UserError(f"{path}: has no problems in {', '.join(absent)}")
    rows = tuple(row for row in found.rows if row.language in config.languages)
    return [dataclasses.replace(found, rows=rows)]
