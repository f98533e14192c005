"""Truncates and executes candidates in the background, while sampling still writes them.

Two threads follow the tables upstream of them: one turns candidates into programs, one runs
programs and joins them with verdicts. Both end when the sample stage says that it has ended.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pipeline.progress import Progress
from pipeline.records import (
    Candidate,
    Evidence,
    Execution,
    Problem,
    ProblemKey,
    Program,
    Test,
)
from pipeline.services import Executor
from pipeline.stages.execute import ExecuteStage, ExecutionKey, Outcome
from pipeline.store import PartedTables, StageTables, Writer
from pipeline.wanted import Wanted

VERDICTS_A_COMMIT = 20_000


@dataclass(frozen=True, slots=True)
class JudgingTables:
    """Where judging reads and writes. `executions` is shared by all identities (content keys)."""

    sampled: PartedTables
    truncated: PartedTables
    judged: PartedTables
    executions: StageTables


class Tally:
    """Counts candidates whose program has ended, for the bar; one program may be many of them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._verdicts: dict[tuple[str, str], str] = {}
        self._passed = 0
        self._lock = threading.Lock()  # programs come in the executor's threads, verdicts in ours

    def came(self, program_hash: str, test_hash: str) -> None:
        key = (program_hash, test_hash)
        with self._lock:
            if (verdict := self._verdicts.get(key)) is not None:
                self._advance(1, verdict)
            else:
                self._waiting[key] += 1

    def ended(self, program_hash: str, test_hash: str, verdict: str) -> None:
        key = (program_hash, test_hash)
        with self._lock:
            self._verdicts[key] = verdict
            self._advance(self._waiting.pop(key, 0), verdict)

    def _advance(self, count: int, verdict: str) -> None:
        if count:
            self._passed += count * (verdict == "passed")
            self._progress.advance(count, f"{self._passed} passed")


class Judging:
    """The truncate and execute stages of one run. `start`, then `finish` or `cancel`."""

    def __init__(
        self,
        wanted: Wanted,
        tests: Mapping[ProblemKey, Test],
        tables: JudgingTables,
        program_of: Callable[[Problem, Candidate], Program],
        executor: Executor,
        evidence: Evidence,
        retries: int,
        writer: Callable[[StageTables | PartedTables], Writer],
    ) -> None:
        self._wanted = wanted
        self._tests = tests
        self._tables = tables
        self._program_of = program_of
        self._executor = executor
        self._evidence: Evidence = evidence
        self._retries = retries
        self._writer = writer
        self._cancelled = threading.Event()
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("truncate", self._truncate), ("execute", self._execute))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raises what failed in the background, so that sampling does not go on in vain."""
        if self._failures:
            raise self._failures[0]

    def finish(self) -> None:
        """Waits until everything sampled is judged; raises what failed."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)  # a bare join would keep Ctrl-C waiting
        self.check()

    def cancel(self) -> None:
        """Ends both threads soon; what has ended is stored.

        Jobs under way end by their limits: one whose sandbox were taken from it would begin again.
        """
        self._cancelled.set()
        self._tables.sampled.finish()
        for thread in self._threads:
            thread.join(30)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            self._failures.append(failure)
        finally:
            if work == self._truncate:
                self._tables.truncated.finish()

    def _truncate(self) -> None:
        tables = self._tables
        have = tables.truncated.keys("programs")
        for shard in tables.sampled.follow("candidates"):
            if self._cancelled.is_set():
                return
            lacking = [c for c in shard if c in self._wanted and c.key not in have]
            tables.truncated.commit(
                self._program_of(self._wanted.problems[c.key.problem], c) for c in lacking
            )

    def _programs(self) -> Iterator[Program]:
        for shard in self._tables.truncated.follow("programs"):
            for program in shard:
                if self._cancelled.is_set():
                    return
                if program in self._wanted:
                    yield program

    def _execute(self) -> None:
        tables = self._tables
        have = tables.judged.keys("verdicts")
        with (
            Progress("execute", self._wanted.candidates, "candidate", position=1) as progress,
            self._writer(tables.executions) as writer,
        ):
            tally = Tally(progress)

            def write(execution: Execution) -> None:
                writer.add(execution)
                tally.ended(execution.program_hash, execution.test_hash, execution.verdict)

            stage = ExecuteStage(
                self._wanted.problems,
                self._tests,
                self._executor,
                self._evidence,
                self._retries,
                write,
            )
            for key, asked, outcome in self._known():
                stage.remember(key, asked, outcome)
                tally.ended(key[0], key[1], outcome.verdict)

            def programs() -> Iterator[Program]:
                for program in self._programs():
                    key = stage.key(program)
                    tally.came(key[0], key[1])
                    yield program

            stage.run(programs(), self._cancelled.is_set)
        if self._cancelled.is_set():
            return
        wanted = (p for p in tables.truncated.records("programs") if p in self._wanted)
        lacking = (p for p in wanted if p.key not in have)
        rows = list(stage.verdicts(lacking))
        for start in range(0, len(rows), VERDICTS_A_COMMIT):
            tables.judged.commit(rows[start : start + VERDICTS_A_COMMIT])

    def _known(self) -> Iterator[tuple[ExecutionKey, str, Outcome]]:
        """Executions of earlier sessions and other identities: only the columns that matter."""
        names = [
            "program_hash",
            "test_hash",
            "image_digest",
            "limits_hash",
            "asked_evidence",
            "verdict",
            "attempt",
            "evidence",
        ]
        table = self._tables.executions.table("executions", names)
        for a, b, c, d, asked, *outcome in zip(
            *(table[name].to_pylist() for name in names), strict=True
        ):
            yield (a, b, c, d), asked, Outcome(*outcome)
