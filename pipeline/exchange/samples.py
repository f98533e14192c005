"""The samples of a run as its configuration wants them: problems in order, samples by index."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.benchmarks.rows import language_of
from pipeline.records import CandidateKey, Part, UserError, Verdict
from pipeline.stages import load, report
from pipeline.store import Store
from pipeline.wanted import Wanted

KEY = ["dataset", "language", "task_id", "sample_index"]


class Judged(NamedTuple):
    """What became of a sample. seconds: wall time of its last execution, where it is known."""

    verdict: Verdict
    seconds: float | None


def chosen(store: Store, dataset: str | None, language: str | None) -> Wanted:
    """What a run's configuration wants, of one dataset and language where they are named.

    Raises UserError for a run that has not loaded problems, and for names that it does not have.
    """
    problems = load.select(store.required("load").records("problems"), store.config.benchmarks)
    wanted = Wanted({problem.key: problem for problem in problems}, store.config.sampling.n)
    named = None if language is None else language_of(language) or language
    parts = [
        part
        for part in wanted.parts
        if dataset in (None, part.dataset) and named in (None, part.language)
    ]
    if not parts:
        asked = " and ".join(
            f"{option} {value}"
            for option, value in (("--dataset", dataset), ("--language", language))
            if value is not None
        )
        raise UserError(f"{asked}: this run has {', '.join(map(str, wanted.parts))}")
    return wanted.only(parts)


def completions(store: Store, wanted: Wanted, raw: bool) -> dict[CandidateKey, str]:
    """The text of every wanted sample: as sampled (raw), or as it is judged, cut.

    Raises UserError where one is missing: a harness that is given part of a run's samples reports
    another number.
    """
    stage, name, column = (
        ("sample", "candidates", "text") if raw else ("truncate", "programs", "completion")
    )
    done = 0
    tables = store.current_parts(stage)
    if tables is not None:
        found = wanted.rows(tables.table(name, [*KEY, column]))
        done = found.num_rows
        if done == wanted.candidates:
            columns = [found[each].to_pylist() for each in (*KEY, column)]
            return {CandidateKey(*key): text for *key, text in zip(*columns, strict=True)}
    what, way_out = ("sampled", "") if raw else ("cut and judged", ", or take them --raw")
    raise UserError(
        f"{store.path}: {wanted.candidates - done} of {wanted.candidates} samples are not {what} "
        f"yet: forkeval resume {shlex.quote(str(store.path))}{way_out}"
    )


def verdicts(store: Store, wanted: Wanted) -> dict[CandidateKey, Judged]:
    """What became of every wanted sample. Raises UserError where one has no verdict yet."""
    tables = store.current_parts("execute")
    found = None if tables is None else wanted.rows(tables.table("verdicts"))
    if found is None or found.num_rows != wanted.candidates:
        lacking = wanted.candidates - (0 if found is None else found.num_rows)
        raise UserError(
            f"{store.path}: {lacking} of {wanted.candidates} candidates have no verdict yet: "
            f"forkeval resume {shlex.quote(str(store.path))}"
        )
    meanings = list(report.environment(store, "execute", wanted)["parts"].values())
    columns = ["program_hash", "test_hash", "image_digest", "limits_hash", "asked_evidence"]
    ran = report.executions(
        store.shared("execute").table("executions", [*columns, "attempt", "m_wall_seconds"]),
        found,
        meanings,
        store.config.execute.evidence,
    )
    seconds: Mapping[tuple[str, str], float] = {
        (row["program_hash"], row["test_hash"]): row["m_wall_seconds"]
        for row in ran.sort_by("attempt").to_pylist()  # the last attempt is what counts
    }
    return {
        CandidateKey(*(row[name] for name in KEY)): Judged(
            row["verdict"], seconds.get((row["program_hash"], row["test_hash"]))
        )
        for row in found.to_pylist()
    }


def by_part(wanted: Wanted) -> dict[Part, Wanted]:
    """One for each dataset and language: harnesses know problems by their task id alone."""
    return {part: wanted.only([part]) for part in wanted.parts}
