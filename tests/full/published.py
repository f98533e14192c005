"""Judges every published program in every language: `python -m tests.full.published`.

What has been judged with the same image, limits and data is not judged again, also after a kill.
A set's verdicts are written to sandboxes/results/published when all of them are known;
`make docs` makes docs/languages.md of them. FORKEVAL_DATA names the directory of the published
files.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.environment import processor
from pipeline.progress import Progress
from pipeline.records import Evidence, Execution, Limits, UserError
from pipeline.services import Executor
from pipeline.stages.execute import ExecuteStage, Outcome
from sandboxes.pool import DockerExecutor
from tests.full import command
from tests.full import published_results as results
from tests.full.published_results import Failed, Journal, Result, Row
from tests.full.published_sets import Programs, PublishedSet, published_directory, read, sets

ROOT = Path(__file__).resolve().parents[2]
JOURNALS = ROOT / ".build" / "published"
RETRIES = 1  # of a timeout, as execute.retry_timeouts has it


def judge(
    wanted: PublishedSet,
    given: Programs,
    executor: Executor,
    journal: Journal,
    limit: int | None = None,
    evidence: Evidence = "completed",
) -> Result:
    """Judges what the journal lacks. limit: only the first programs. evidence: what is asked for.

    Raises UserError where a sandbox failed for good: that is no verdict to record.
    """
    programs = given.programs[:limit]
    last: dict[tuple[str, ...], Row] = {}

    def take(row: Row) -> None:
        known = last.get(row.key)
        if known is None or row.attempt >= known.attempt:
            last[row.key] = row

    def write(execution: Execution) -> None:
        row = Row.of(execution)
        journal.add(row)
        if row.key not in last:
            progress.advance(1, f"{execution.verdict} last")
        take(row)

    stage = ExecuteStage(given.problems, given.tests, executor, evidence, RETRIES, write)
    for row in journal.rows():
        take(row)
        outcome = Outcome(row.verdict, row.attempt, row.evidence)  # type: ignore[arg-type]
        stage.remember(row.key, row.asked, outcome)
    keys = {stage.key(program) for program in programs}
    done = len(keys & last.keys())
    with Progress(str(wanted), len(keys), "program", done=done) as progress:
        stage.run(iter(programs))

    passed, failed, retried, weaker = [], {}, {}, []
    for verdict in stage.verdicts(programs):
        if verdict.evidence != evidence:
            weaker.append(verdict.task_id)
        if verdict.verdict == "passed":
            passed.append(verdict.task_id)
        if verdict.first_verdict != verdict.verdict:
            retried[verdict.task_id] = verdict.first_verdict
    rows = {program.task_id: last[stage.key(program)] for program in programs}
    for task, row in rows.items():
        if row.verdict == "infrastructure_error":
            raise UserError(f"{wanted}: {task}: {row.detail}: mend it and run the same again")
        if row.verdict != "passed":
            failed[task] = Failed(row.verdict, row.detail)
    ran = executor.environment()
    image = ran["images"][wanted.language]
    return Result(
        set=wanted.name,
        language=wanted.language,
        data=wanted.data,
        evidence=evidence,
        image_digest=image["digest"],
        limits_hash=executor.limits_hash(wanted.language),
        toolchain=image["toolchain"],
        limits=ran["limits"][wanted.language],
        retries=RETRIES,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine={"processor": processor(), "cores": os.cpu_count(), "workers": ran["workers"]},
        cpu_seconds=round(sum(row.cpu_seconds for row in rows.values()), 1),
        passed=passed,
        failed=failed,
        retried=retried,
        fallbacks=weaker,
    )


def current(wanted: PublishedSet, executor: Executor) -> bool:
    """Whether the recorded verdicts are of the image, limits and data at hand."""
    known = results.load(results.path_of(wanted.name, wanted.language))
    return known is not None and known.identity() == (
        wanted.data,
        "completed",
        executor.image_digest(wanted.language),
        executor.limits_hash(wanted.language),
        RETRIES,
    )


def run(names: Sequence[str], only: Sequence[str], limit: int | None, workers: int | None) -> None:
    """Judges the chosen sets, one after the other, and records those judged whole."""
    directory = published_directory()
    there = list(sets(directory))
    wanted = [
        one
        for one in there
        if (not names or one.language in names) and (not only or one.name in only)
    ]
    if not wanted:
        known = ", ".join(sorted({one.name for one in there}))
        raise UserError(f"no such set in {directory} for these languages: sets are {known}")
    with DockerExecutor(Limits(), workers) as executor:
        for one in wanted:
            executor.prepare([one.language])
            if current(one, executor):
                print(f"{one}: recorded with this image already", file=sys.stderr)
                continue
            journal = Journal(JOURNALS / f"{one.name}-{one.language}.jsonl")
            result = judge(one, read(one, directory), executor, journal, limit)
            if limit is None:
                results.save(result, results.path_of(one.name, one.language))
            counts = ", ".join(f"{count} {verdict}" for verdict, count in result.counts.items())
            print(f"{one}: {counts} of {result.programs} ({result.toolchain})", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    return command.over_sets("published", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
