"""`forkeval compare A B [C...]`: opens the runs and refuses those that cannot be compared."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline import run_changes
from pipeline.records import UserError
from pipeline.run_changes import RunFacts
from pipeline.stages.load import select
from pipeline.stages.report import gather
from pipeline.store import Store
from pipeline.wanted import Wanted
from reports.comparison import Change, Compared, Side, compared
from reports.data import ReportInput

# Texts are most of a run, and a comparison counts.
UNREAD: Mapping[str, Collection[str]] = {
    "candidates": ("text", "token_ids", "token_ends", "logprobs_raw", "logprobs"),
    "programs": ("completion",),
    "executions": ("stdout", "stderr", "detail"),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A run as it was read."""

    path: Path
    source: ReportInput
    facts: RunFacts


def compare(
    paths: Sequence[Path], across: Collection[str] = (), out: Path | None = None
) -> dict[str, Any]:
    """The document of a comparison of each run with the first.

    across: of data, truncation and toolchain those that may differ. out: where it will be written,
    so that links to the runs' report pages can lead there.

    Raises UserError for what is no run, of another format, not complete, or different in what is
    held still; and where two runs have no common problem.
    """
    runs = [opened(path) for path in paths]
    labels = unique([run.source.name for run in runs], paths)
    sides = [
        Side(label, run.source, address(run.path, out))
        for label, run in zip(labels, runs, strict=True)
    ]
    fixed = [run_changes.fixed(runs[0].facts, run.facts) for run in runs[1:]]
    for path, found in zip(paths[1:], fixed, strict=True):
        refuse(paths[0], path, [change for change in found if change.kind not in across])
    settings = [
        list(run_changes.changes("setting", "", runs[0].facts.settings, run.facts.settings))
        for run in runs[1:]
    ]
    return compared(Compared(sides[0], sides[1:], fixed, settings))


def opened(path: Path) -> Opened:
    with Store.open(path, read_only=True) as store:
        config = store.config
        problems = select(store.required("load").records("problems"), config.benchmarks)
        wanted = Wanted({problem.key: problem for problem in problems}, config.sampling.n)
        source = gather(config, store, wanted, UNREAD)
        facts = RunFacts(
            run_changes.facts(store, config, wanted.parts),
            run_changes.digests(source.problems, "prompt"),
            run_changes.digests(source.verdicts, "test_hash"),
            run_changes.settings(store, config),
        )
    return Opened(path, source, facts)


def unique(names: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """The runs' names where they tell them apart, else their paths."""
    return list(names) if len(set(names)) == len(names) else [str(path) for path in paths]


def address(run: Path, out: Path | None) -> str:
    """The run's report page as seen from `out`; "" where there is none."""
    page = run / "report" / "report.html"
    if out is None or not page.is_file():
        return ""
    return quote(Path(os.path.relpath(page.resolve(), out.resolve())).as_posix())


def refuse(first: Path, second: Path, changes: Sequence[Change]) -> None:
    if changes:
        kinds = list(dict.fromkeys(change.kind for change in changes))
        lines = "".join(f"\n  {change}" for change in changes)
        raise UserError(
            f"{first} and {second} differ in {' and '.join(kinds)}: use --across "
            f"{','.join(kinds)} to compare them all the same{lines}"
        )
