"""The mini benchmark that ships with the package: the embedded default, written by us."""

from __future__ import annotations

from importlib import resources

from pipeline.benchmarks.rows import RowSet, read_jsonl
from pipeline.config import BenchmarkConfig
from pipeline.manifests import offered


def row_sets(config: BenchmarkConfig) -> list[RowSet]:
    """Its rows in the wanted languages."""
    found: list[RowSet] = []
    for language in offered()["mini"]:
        if not config.languages or language in config.languages:
            entry = resources.files("benchmarks_data") / "mini" / f"{language}.jsonl"
            with resources.as_file(entry) as path:
                found.append(read_jsonl(path, "mini", language=language))
    return found
