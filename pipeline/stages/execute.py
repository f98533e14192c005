"""Execute: candidates to programs, programs to executions, executions to verdicts.

Identical programs run once and are counted as often as they were sampled: an execution's key is the
program's and the test's content, a verdict's key is the candidate's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.records import (
    Evidence,
    Execution,
    Job,
    Problem,
    ProblemKey,
    Program,
    Test,
    UserError,
    Verdict,
    VerdictRow,
)
from pipeline.services import Executor

# A sandbox that failed three times on one program is not trusted to be better the fourth time: the
# verdict stands as an infrastructure error, and the report shows it.
INFRASTRUCTURE_RETRIES = 2

ExecutionKey = tuple[str, str, str, str]  # program hash, test hash, image digest, limits hash


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is kept in memory of an execution: enough to retry it and to join it with candidates."""

    verdict: Verdict
    attempt: int
    evidence: Evidence


@dataclass(slots=True)
class Ledger:
    """First and last outcome of every program and test; the last attempt decides."""

    first: dict[ExecutionKey, Outcome] = field(default_factory=dict)
    last: dict[ExecutionKey, Outcome] = field(default_factory=dict)

    def add(self, key: ExecutionKey, outcome: Outcome) -> None:
        known = self.first.get(key)
        if known is None or outcome.attempt < known.attempt:
            self.first[key] = outcome
        known = self.last.get(key)
        if known is None or outcome.attempt >= known.attempt:
            self.last[key] = outcome


class ExecuteStage:
    """Judges programs through an executor; `write` receives each execution as it ends.

    problems, tests: by key. evidence: what a pass is asked to rest on; a verdict's row says what
    it does rest on. retries: how often a timeout is run again, alone on an idle pool, before it
    stands.
    """

    def __init__(
        self,
        problems: Mapping[ProblemKey, Problem],
        tests: Mapping[ProblemKey, Test],
        executor: Executor,
        evidence: Evidence,
        retries: int,
        write: Callable[[Execution], None],
    ) -> None:
        self._problems = problems
        self._tests = tests
        self._hashes = {key: test.test_hash for key, test in tests.items()}
        self._executor = executor
        self._evidence = evidence
        self._retries: dict[Verdict, int] = {
            "timeout": retries,
            "infrastructure_error": INFRASTRUCTURE_RETRIES,
        }
        self._write = write
        self._ledger = Ledger()
        self._open: dict[ExecutionKey, Job] = {}  # given to the executor, not decided yet

    def remember(self, key: ExecutionKey, asked: str, outcome: Outcome) -> None:
        """Takes up an execution of an earlier session, so that it is not run again.

        asked: the evidence that it was asked for, which `outcome` need not rest on.
        """
        if asked == self._evidence:
            self._ledger.add(key, outcome)

    def key(self, program: Program) -> ExecutionKey:
        return (
            program.program_hash,
            self._hashes[program.key.problem],
            self._executor.image_digest(program.language),
            self._executor.limits_hash(program.language),
        )

    def _job(self, program: Program, attempt: int) -> Job:
        key = program.key.problem
        problem, test = self._problems[key], self._tests[key]
        return Job(
            language=program.language,
            prompt=problem.prompt[problem.header_chars :],
            completion=program.completion,
            test=test.test,
            kind=test.kind,
            entry_point=test.entry_point,
            program_hash=program.program_hash,
            test_hash=self._hashes[key],
            attempt=attempt,
            evidence=self._evidence,
        )

    def _jobs(self, programs: Iterable[Program]) -> Iterator[Job]:
        given: set[ExecutionKey] = set()
        for program in programs:
            key = self.key(program)
            if key in given:
                continue
            given.add(key)
            last = self._ledger.last.get(key)
            if last is None:
                # Held until it ends, so that a retry needs no second reading of the tables.
                self._open[key] = self._job(program, 0)
                yield self._open[key]
            elif self._again(last.verdict, last.attempt):
                self._open[key] = self._job(program, last.attempt)

    def _again(self, verdict: Verdict, attempt: int) -> bool:
        return attempt < self._retries.get(verdict, 0)

    def _done(self, execution: Execution) -> None:
        key = (
            execution.program_hash,
            execution.test_hash,
            execution.image_digest,
            execution.limits_hash,
        )
        self._write(execution)
        self._ledger.add(key, Outcome(execution.verdict, execution.attempt, execution.evidence))
        if not self._again(execution.verdict, execution.attempt):
            self._open.pop(key, None)

    def run(self, programs: Iterable[Program], stopped: Callable[[], bool] = lambda: False) -> None:
        """Runs what has not run; then what deserves it again, each alone on an idle pool.

        stopped: asked before each of the latter, which take as long as a time-out does.
        """
        for execution in self._executor.run(self._jobs(programs)):
            self._done(execution)
        while self._open and not stopped():
            key, job = next(iter(self._open.items()))
            self._open[key] = dataclasses.replace(job, attempt=job.attempt + 1)
            ended = list(self._executor.run([self._open[key]]))
            for execution in ended:
                self._done(execution)
            if not ended:
                raise UserError(
                    f"{job.language}: the executor gave no verdict for program "
                    f"{job.program_hash[:12]}; run the same command again"
                )

    def verdicts(self, programs: Iterable[Program]) -> Iterator[VerdictRow]:
        """One row a candidate: its program's last execution."""
        for program in programs:
            key = self.key(program)
            first, last = self._ledger.first[key], self._ledger.last[key]
            yield VerdictRow(
                dataset=program.dataset,
                language=program.language,
                task_id=program.task_id,
                sample_index=program.sample_index,
                program_hash=program.program_hash,
                test_hash=key[1],
                verdict=last.verdict,
                evidence=last.evidence,
                attempts=last.attempt + 1,
                first_verdict=first.verdict,
            )
