"""`forkeval show RUN TASK`: one problem, its candidates, and why each verdict is what it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import UserError
from pipeline.store import Store


def show(path: Path, task: str, sample: int | None) -> Iterator[str]:
    """Lines for a person to read.

    task: a task id (all its languages), or dataset/language/task id. sample: one sample with its
    whole text and output; None lists all. Raises UserError for an unknown task.
    """
    with Store.open(path, read_only=True) as store:
        problems = rows_of(store, "load", "problems", task)
        if not problems:
            raise UserError(f"{path}: no problem {task}; task ids look like Mini/0")
        candidates = by_key(rows_of(store, "sample", "candidates", task))
        programs = by_key(rows_of(store, "truncate", "programs", task))
        verdicts = by_key(rows_of(store, "execute", "verdicts", task))
        executions = store.shared("execute").table("executions")
    for problem in problems:
        name = (problem["dataset"], problem["language"], problem["task_id"])
        yield f"== {'/'.join(name)} (entry point {problem['entry_point']})"
        yield problem["prompt"]
        for key in sorted(key for key in candidates if key[:3] == name):
            if sample is None or key[3] == sample:
                whole = sample is not None
                yield from described(
                    candidates[key], programs.get(key), verdicts.get(key), executions, whole
                )


def rows_of(store: Store, stage: str, table: str, task: str) -> list[dict[str, Any]]:
    """The rows of one task, whichever languages it has; none where the stage has not run."""
    tables = store.current_parts(stage)
    if tables is None:
        return []
    found = tables.table(table)
    name = pc.binary_join_element_wise(found["dataset"], found["language"], found["task_id"], "/")
    wanted = pc.or_(pc.equal(found["task_id"], task), pc.equal(name, task))
    rows: list[dict[str, Any]] = found.filter(wanted).to_pylist()
    return rows


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {(r["dataset"], r["language"], r["task_id"], r["sample_index"]): r for r in rows}


def described(
    candidate: dict[str, Any],
    program: dict[str, Any] | None,
    verdict: dict[str, Any] | None,
    executions: pa.Table,
    whole: bool,
) -> Iterator[str]:
    outcome = verdict["verdict"] if verdict else "not judged yet"
    logprobs = candidate["logprobs_raw"]
    likely = f", log-probability {sum(logprobs):.2f}" if logprobs else ""
    cut = f", cut: {program['cut']}" if program else ""
    ended = candidate["finish_reason"]
    yield f"-- sample {candidate['sample_index']}: {outcome} (ended by {ended}{cut}{likely})"
    yield candidate["text"] if whole or program is None else program["completion"]
    if whole and verdict is not None:
        yield from execution_lines(verdict, executions)


def execution_lines(verdict: dict[str, Any], executions: pa.Table) -> Iterator[str]:
    ran = executions.filter(
        pc.and_(
            pc.equal(executions["program_hash"], verdict["program_hash"]),
            pc.equal(executions["test_hash"], verdict["test_hash"]),
        )
    )
    for row in ran.sort_by("attempt").to_pylist():
        yield (
            f"-- attempt {row['attempt']}: {row['verdict']}, {row['detail']} "
            f"({row['m_cpu_seconds']:.3f} s CPU, {row['toolchain']})"
        )
        for stream in ("stdout", "stderr"):
            if row[stream]:
                yield f"{stream}:\n{row[stream]}"
