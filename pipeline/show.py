"""`forkeval show RUN TASK`: one problem, its candidates, and why each verdict is what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.records import UserError
from pipeline.store import Store

Key = tuple[Any, ...]  # dataset, language, task id, sample index
TAIL = 5  # lines of an output stream


def show(path: Path, task: str, sample: int | None) -> Iterator[str]:
    """Lines for a person to read.

    task: a task id (all its languages), or dataset/language/task id. sample: one sample with its
    whole text and output; None lists the distinct programs, those drawn most often first, with the
    ends of their output. Raises UserError for an unknown task, or a sample that is not there.
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
        own = sorted(key for key in candidates if key[:3] == name)
        if sample is None:
            yield counted([verdicts.get(key) for key in own])
            for same in grouped(own, programs):
                first = (candidates[same[0]], programs.get(same[0]), verdicts.get(same[0]))
                yield from described(*first, [key[3] for key in same])
                yield from outputs(verdicts.get(same[0]), executions)
            continue
        key = (*name, sample)
        if key not in candidates:
            raise UserError(f"{path}: no sample {sample} of {'/'.join(name)}; it has {len(own)}")
        yield from described(candidates[key], None, verdicts.get(key), [sample])
        if (verdict := verdicts.get(key)) is not None:
            yield from execution_lines(verdict, executions)


def counted(verdicts: list[dict[str, Any] | None]) -> str:
    """How many samples have each verdict."""
    found = Counter(one["verdict"] if one else "not judged yet" for one in verdicts)
    return ", ".join(f"{count} {name}" for name, count in found.most_common()) or "no samples yet"


def grouped(keys: list[Key], programs: Mapping[Key, dict[str, Any]]) -> list[list[Key]]:
    """The keys by identical program, the largest group first; one alone where none is known."""
    found: dict[object, list[Key]] = {}
    for key in keys:
        program = programs.get(key)
        found.setdefault(program["program_hash"] if program else key, []).append(key)
    return sorted(found.values(), key=lambda same: -len(same))


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
    samples: list[int],
) -> Iterator[str]:
    """program: what of the candidate's text ran; None shows the whole text."""
    outcome = verdict["verdict"] if verdict else "not judged yet"
    logprobs = candidate["logprobs_raw"]
    likely = f", log-probability {sum(logprobs):.2f}" if logprobs else ""
    cut = f", cut: {program['cut']}" if program else ""
    ended = candidate["finish_reason"]
    listed = ", ".join(map(str, samples[:8])) + (", ..." if len(samples) > 8 else "")
    drawn = f"samples {listed} ({len(samples)} times)" if len(samples) > 1 else f"sample {listed}"
    yield f"-- {drawn}: {outcome} (ended by {ended}{cut}{likely})"
    yield candidate["text"] if program is None else program["completion"]


def outputs(verdict: dict[str, Any] | None, executions: pa.Table) -> Iterator[str]:
    """The ends of what a program that did not pass wrote, and why it failed."""
    if verdict is None or verdict["verdict"] == "passed":
        return
    for row in runs_of(verdict, executions)[-1:]:
        if row["detail"]:
            yield f"   {row['detail']}"
        for stream in ("stdout", "stderr"):
            for line in row[stream].splitlines()[-TAIL:]:
                yield f"   {stream}: {line}"


def runs_of(verdict: dict[str, Any], executions: pa.Table) -> list[dict[str, Any]]:
    """Every execution of a verdict's program, in order."""
    ran = executions.filter(
        pc.and_(
            pc.equal(executions["program_hash"], verdict["program_hash"]),
            pc.equal(executions["test_hash"], verdict["test_hash"]),
        )
    )
    rows: list[dict[str, Any]] = ran.sort_by("attempt").to_pylist()
    return rows


def execution_lines(verdict: dict[str, Any], executions: pa.Table) -> Iterator[str]:
    for row in runs_of(verdict, executions):
        yield (
            f"-- attempt {row['attempt']}: {row['verdict']}, {row['detail']} "
            f"({row['m_cpu_seconds']:.3f} s CPU, {row['toolchain']})"
        )
        for stream in ("stdout", "stderr"):
            if row[stream]:
                yield f"{stream}:\n{row[stream]}"
