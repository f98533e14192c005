"""Finds problems whose identical programs are judged in two ways, and keeps them out of the gates.

A few programs of the night, drawn by a seeded stream, are executed again under the same rules,
retries included. A verdict that changes says that the test, or the machine, is not to be trusted
with that problem.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline.history import CellRow, Flip, History
from pipeline.nightly.cells import Cell
from pipeline.nightly.config import NightConfig
from pipeline.nightly.sandboxes_watch import InfrastructureFault
from pipeline.records import CandidateKey, Problem, ProblemKey, Program, Test, VerdictRow
from pipeline.run import Services
from pipeline.stages.execute import ExecuteStage
from pipeline.store import Store
from reports.intervals import stream

UNTOLD = "infrastructure_error"  # says nothing about a program


def execute_again(
    config: NightConfig,
    history: History,
    night: int,
    cells: Mapping[tuple[str, str], Cell],
    services: Services,
) -> None:
    """Executes the night's draw of programs again and writes what changed; once a night."""
    if history.executed_again(night) is not None:
        return
    done = [
        row
        for row in history.cells(night)
        if row.state == "done" and (row.series, row.checkpoint) in cells
    ]
    flips: list[Flip] = []
    executed = 0
    if done and config.flaky.programs:
        rng = stream(config.flaky.seed, "flaky", str(night))
        drawn = Counter(int(i) for i in rng.integers(0, len(done), config.flaky.programs))
        for at, count in sorted(drawn.items()):
            row = done[at]
            again = Again(config.place / row.run, cells[row.series, row.checkpoint], services)
            try:
                found = again.flips(row, count, config.flaky.seed)
            except InfrastructureFault as fault:
                print(
                    f"forkeval: note: {row.series} was not executed again: {fault}", file=sys.stderr
                )
                continue
            flips += found
            executed += again.executed
    history.record_flips(night, executed, flips)


def key(row: VerdictRow) -> CandidateKey:
    return CandidateKey(row.dataset, row.language, row.task_id, row.sample_index)


class Again:
    """The programs of one run, executed again."""

    def __init__(self, run: Path, cell: Cell, services: Services) -> None:
        self._run = run
        self._cell = cell
        self._services = services
        self.executed = 0

    def flips(self, row: CellRow, count: int, seed: int) -> list[Flip]:
        """Runs `count` distinct programs and gives those whose verdict changed."""
        with Store.open(self._run, read_only=True) as store:
            verdicts: list[VerdictRow] = list(store.required("execute").records("verdicts"))
            before = {key(verdict): verdict.verdict for verdict in verdicts}
            first: dict[tuple[str, str], VerdictRow] = {}
            for verdict in sorted(verdicts, key=lambda v: (v.program_hash, key(v))):
                if verdict.verdict != UNTOLD:
                    first.setdefault((verdict.program_hash, verdict.test_hash), verdict)
            rng = stream(seed, "flaky", str(row.night), row.series, row.checkpoint)
            names = list(first)
            picked = rng.permutation(len(names))[:count]
            wanted = {key(first[names[int(i)]]) for i in picked}
            programs: list[Program] = [
                p for p in store.required("truncate").records("programs") if p.key in wanted
            ]
            loaded = store.required("load")
            problems: dict[ProblemKey, Problem] = {p.key: p for p in loaded.records("problems")}
            tests: dict[ProblemKey, Test] = {t.key: t for t in loaded.records("tests")}
        after = self._verdicts(programs, problems, tests)
        self.executed = len(after)
        return [
            Flip(
                new.dataset,
                new.language,
                new.task_id,
                new.program_hash,
                before[key(new)],
                new.verdict,
            )
            for new in after
            if UNTOLD not in (new.verdict, before[key(new)]) and new.verdict != before[key(new)]
        ]

    def _verdicts(
        self,
        programs: list[Program],
        problems: Mapping[ProblemKey, Problem],
        tests: Mapping[ProblemKey, Test],
    ) -> list[VerdictRow]:
        execute = self._cell.config.execute
        executor = self._services.executor(self._cell.config)
        try:
            executor.prepare([self._cell.language])
            stage = ExecuteStage(
                problems,
                tests,
                executor,
                execute.evidence,
                execute.retry_timeouts,
                lambda execution: None,
            )
            stage.run(programs)
            return list(stage.verdicts(programs))
        finally:
            executor.close()
