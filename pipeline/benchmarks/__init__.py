"""Benchmarks: published files, the bundled mini benchmark or any JSONL to problems and tests.

`load` is the one entrance. A problem is what a model may see, a test its hidden half.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pipeline.benchmarks import jsonl, mini, overlay, published
from pipeline.benchmarks.examples import public_examples
from pipeline.benchmarks.prompts import header_digest, headers
from pipeline.benchmarks.rows import Row, RowSet
from pipeline.config import BenchmarkConfig, Language
from pipeline.manifests import manifests
from pipeline.records import Problem, Test, UserError, digest

__all__ = ["load", "sources"]


def load(config: BenchmarkConfig) -> tuple[list[Problem], list[Test]]:
    """The wanted problems and their tests, in the files' order; one test a problem.

    `limit` takes the first problems of each language after `task_ids` chose.

    Raises UserError for what the user can mend: data that is missing (and how to name it), broken
    lines (every one, with file and line), rows that are not the manifest's, unknown task ids.
    """
    row_sets = _row_sets(config)
    header_of = headers(config, _languages(row_sets))
    kept = _chosen(config, row_sets)
    problems: list[Problem] = []
    tests: list[Test] = []
    for rows in row_sets:
        edited: frozenset[str] = frozenset()
        if config.overlay:
            rows, edited = overlay.apply(rows)
        for row in rows.rows:
            if (row.language, row.task_id) not in kept:
                continue
            header = header_of[row.language]
            version = overlay.VERSION if row.task_id in edited else ""
            problems.append(_problem(config, rows, row, header, version))
            tests.append(_test(config, rows, row))
    return problems, tests


def sources(config: BenchmarkConfig, language: str, source_sha256: str) -> dict[str, str]:
    """What a language's rows of `load` rest on, as digests by name; part of what a row means.

    It holds no directory and does not depend on how many rows are wanted, so that a run that moved
    or grew still matches: published data are what the manifest says, whatever their packaging.

    source_sha256: that of the language's problems.
    """
    published_here = manifests().get(config.name)
    content = published_here.problems[language].content if published_here else source_sha256
    found = {config.name: content}
    if config.header is not None:
        found["header"] = header_digest(config, language)
    if config.overlay:
        edits = (e for e in overlay.edits() if (e.dataset, e.language) == (config.name, language))
        found["overlay"] = digest(*(edit.model_dump_json() for edit in edits))
    return found


def _row_sets(config: BenchmarkConfig) -> list[RowSet]:
    if config.name == "mini":
        return mini.row_sets(config)
    if config.name == "jsonl":
        return jsonl.row_sets(config)
    return published.row_sets(config)


def _languages(row_sets: Iterable[RowSet]) -> list[Language]:
    """Every language of the rows, in the order of first use."""
    return list(dict.fromkeys(row.language for rows in row_sets for row in rows.rows))


def _chosen(config: BenchmarkConfig, row_sets: Iterable[RowSet]) -> set[tuple[str, str]]:
    """(language, task id) of the rows that `task_ids` and `limit` leave."""
    keys = [(row.language, row.task_id) for rows in row_sets for row in rows.rows]
    known = {task for _, task in keys}
    for task in config.task_ids:
        if task not in known:
            near = difflib.get_close_matches(task, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"task_ids: {config.name} has no problem {task}{hint}")
    kept: set[tuple[str, str]] = set()
    counts: dict[str, int] = {}
    for language, task in keys:
        if config.task_ids and task not in config.task_ids:
            continue
        counts[language] = counts.get(language, 0) + 1
        if config.limit is None or counts[language] <= config.limit:
            kept.add((language, task))
    return kept


def _problem(config: BenchmarkConfig, rows: RowSet, row: Row, header: str, version: str) -> Problem:
    return Problem(
        dataset=rows.dataset,
        language=row.language,
        task_id=row.task_id,
        prompt=header + row.prompt,
        header_chars=len(header),
        entry_point=row.entry_point,
        description=row.description,
        public_examples=public_examples(row.prompt, row.language),
        prompt_form=config.prompt_form,
        source_sha256=rows.sha256,
        overlay=version,
    )


def _test(config: BenchmarkConfig, rows: RowSet, row: Row) -> Test:
    return Test(
        dataset=rows.dataset,
        language=row.language,
        task_id=row.task_id,
        kind=config.test_kind if config.name == "jsonl" else "program",
        test=row.test,
        entry_point=row.entry_point,
        canonical_solution=row.canonical_solution,
    )
