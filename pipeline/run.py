"""One invocation of a run: which stages, in which order, on which rows, with which services."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import benchmarks, environment, rankers
from pipeline.backends.recorded import with_canonical
from pipeline.benchmarks import truncation
from pipeline.config import RunConfig
from pipeline.handoff import Handoff
from pipeline.judging import Judging, JudgingTables
from pipeline.progress import Progress
from pipeline.records import (
    Candidate,
    CandidateKey,
    Part,
    Problem,
    Program,
    Record,
    StageTime,
    Test,
    UserError,
)
from pipeline.reranking import Reranking
from pipeline.services import Completer, Completion, Executor
from pipeline.stages import Stage, load, report, sample
from pipeline.store import PartedTables, Store, identity, part_name
from pipeline.wanted import Wanted
from sandboxes import languages

COSTLY = ("load", "sample")  # what follows from them is made again without a word
NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Services:
    """How the two services are made, when a stage needs them: reports need no GPU and no Docker."""

    completer: Callable[[RunConfig, Sequence[Problem], Sequence[Test]], Completer]
    executor: Callable[[RunConfig], Executor]


@dataclass(slots=True)
class Run:
    """Runs `stages` of `config` in `store`. Call it once.

    Rows that are there already are not made again. A stage left out of `stages` must have run
    before; its rows are taken as they are.
    """

    config: RunConfig
    store: Store
    stages: Sequence[Stage]
    services: Services
    session: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    def __call__(self) -> Path | None:
        """Returns the path of report.html, when the report stage was among the stages.

        Raises UserError for anything that the user can mend; what is computed is stored by then.
        """
        loaded, problems, tests = self._load()
        wanted = Wanted({problem.key: problem for problem in problems}, self.config.sampling.n)
        if "rerank" in self.stages:  # before hours of sampling
            rankers.check(self.config.rerank.rankers, wanted.languages)
        if "sample" in self.stages or "execute" in self.stages:
            self._draw_and_judge(loaded, problems, tests, wanted)
        if "rerank" in self.stages:
            with self._timed("rerank"):
                self._rerank(wanted)
        if "report" in self.stages:
            return report.report(self.config, self.store, wanted)
        return None

    # ---- stages ----------------------------------------------------------------------------------

    def _load(self) -> tuple[PartedTables, list[Problem], list[Test]]:
        """The wanted problems and tests, from the files or, without the stage, from the store."""
        if "load" not in self.stages:
            tables = self.store.required("load")
            problems = load.select(tables.records("problems"), self.config.benchmarks)
            if not problems:
                raise UserError("benchmarks: no stored problem is wanted: use --from-stage load")
            judged = "sample" in self.stages or "execute" in self.stages
            return tables, problems, list(tables.records("tests")) if judged else []
        with self._timed("load"):
            problems, tests = load.load(self.config.benchmarks)
            if self.config.backend.canonical:
                problems, tests = self._solved(problems, tests)
            sources = {problem.key.part: problem.source_sha256 for problem in problems}
            own = {
                part: [
                    benchmarks.sources(benchmark, part.language, sha256)
                    for benchmark in self.config.benchmarks
                    if benchmark.dataset == part.dataset
                ]
                for part, sha256 in sources.items()
            }
            tables = self._begin("load", {}, {p: {"sources": found} for p, found in own.items()})
            have = tables.keys("problems")
            rows: list[Problem | Test] = [*problems, *tests]
            tables.commit(row for row in rows if row.key not in have)
            counted = tables.keys("public_examples")
            tables.commit(
                load.public_examples([p for p in problems if p.key not in counted], tests)
            )
        return tables, problems, tests

    def _solved(
        self, problems: list[Problem], tests: list[Test]
    ) -> tuple[list[Problem], list[Test]]:
        """Of a run that replays canonical solutions: the problems that have one."""
        problems, tests, left_out = with_canonical(problems, tests)
        if left_out:
            print(
                f"forkeval: note: {len(left_out)} problems have no canonical solution and are "
                f"not part of this run ({left_out[0]}, ...)",
                file=sys.stderr,
            )
        return problems, tests

    def _draw_and_judge(
        self, loaded: PartedTables, problems: list[Problem], tests: list[Test], wanted: Wanted
    ) -> None:
        """Sample and execute, at the same time where both are to run."""
        executor = self._executor(wanted) if "execute" in self.stages else None
        try:
            sampled, completer = self._sampled(loaded, problems, tests, wanted)
            judging = self._judging(wanted, tests, sampled, executor) if executor else None
            with self._background(judging, sampled):
                if completer is not None:
                    with self._timed("sample"):
                        self._sample(completer, problems, wanted, sampled, judging)
        finally:
            if executor is not None:
                executor.close()

    def _sampled(
        self,
        loaded: PartedTables,
        problems: Sequence[Problem],
        tests: Sequence[Test],
        wanted: Wanted,
    ) -> tuple[PartedTables, Completer | None]:
        """The tables of the sample stage and, where it is to run, who completes."""
        if "sample" not in self.stages:
            return self.store.required("sample", wanted.parts), None
        completer = self.services.completer(self.config, problems, tests)
        stops = self._stops()
        own = {part: {"stop": stops[part.language]} for part in wanted.parts}
        ran_on = completer.environment()
        return self._begin("sample", completer.identity(), own, ran_on, loaded), completer

    def _sample(
        self,
        completer: Completer,
        problems: Sequence[Problem],
        wanted: Wanted,
        sampled: PartedTables,
        judging: Judging | None,
    ) -> None:
        have = {CandidateKey(*key) for key in sampled.keys("candidates")}
        done = sum(key in wanted for key in have)
        tokens = 0
        faults: list[str] = []
        started = time.monotonic()
        with (
            Progress("sample", wanted.candidates, "candidate", done=done) as progress,
            self.store.writer(sampled) as writer,
        ):

            def write(done: tuple[Completion, Sequence[Record]]) -> None:
                nonlocal tokens
                completion, steps = done
                if completion.fault:
                    faults.append(completion.fault)
                writer.add(completion.call, completion.candidate, *steps)
                if judging is not None:
                    judging.check()  # after the row is safe
                tokens += completion.call.generated_tokens
                rate = tokens / (time.monotonic() - started)
                progress.advance(1, f"{rate:,.0f} tokens/s")

            def put(completion: Completion) -> None:
                handoff.put((completion, completer.take_steps()))

            # A commit takes longer than a decode step, and the device waits for the thread that
            # launches them.
            with Handoff(write, self.config.store.rows_per_shard) as handoff:
                sample.sample(problems, wanted.n, have, self._stops(), completer, put)
            writer.add(*completer.take_steps())
        if faults:
            print(
                f"forkeval: note: {len(faults)} samples could not be drawn and count in no figure: "
                f"{faults[0]}",
                file=sys.stderr,
            )

    def _executor(self, wanted: Wanted) -> Executor:
        """The sandboxes, ready: a missing image or a stopped engine shows before sampling does."""
        executor = self.services.executor(self.config)
        try:
            executor.prepare(wanted.languages)
        except BaseException:
            executor.close()
            raise
        return executor

    def _judging(
        self,
        wanted: Wanted,
        tests: Sequence[Test],
        sampled: PartedTables,
        executor: Executor,
    ) -> Judging:
        rules = languages.load()
        stops = self._stops()
        cuts = {
            part: {
                "rule": truncation.version(rules[part.language].truncation),
                "stop": stops[part.language],
            }
            for part in wanted.parts
        }
        truncated = self._begin("truncate", {}, cuts, upstream=sampled)
        runs = {
            part: {
                "image": executor.image_digest(part.language),
                "limits": executor.limits_hash(part.language),
            }
            for part in wanted.parts
        }
        judged = self._begin("execute", {}, runs, executor.environment(), truncated)

        def program_of(problem: Problem, candidate: Candidate) -> Program:
            language = problem.language
            return truncation.program_of(
                problem,
                candidate,
                rules[language].truncation,
                stops[language],
                self.config.execute.truncate,
            )

        return Judging(
            wanted,
            {test.key: test for test in tests},
            JudgingTables(sampled, truncated, judged, self.store.shared("execute")),
            program_of,
            executor,
            self.config.execute.evidence,
            self.config.execute.retry_timeouts,
            self.store.writer,
        )

    def _rerank(self, wanted: Wanted) -> None:
        truncated = self.store.required("truncate", wanted.parts)
        problems = list(wanted.problems.values())
        Reranking(
            self.config.rerank,
            self.store,
            wanted,
            self.store.required("sample", wanted.parts),
            truncated,
            lambda: self.services.executor(self.config),
            lambda: self.services.completer(self.config, problems, ()),  # no test is at hand
            self._stops(),
        ).run(lambda meanings: self._begin("rerank", {}, meanings, upstream=truncated))

    # ---- inside ----------------------------------------------------------------------------------

    def _stops(self) -> dict[str, tuple[str, ...]]:
        """Stop strings of every language: the configuration's, else the language's own."""
        chosen: Mapping[str, tuple[str, ...]] = dict(self.config.sampling.stop.items())
        return {name: chosen.get(name, rule.stop) for name, rule in languages.load().items()}

    def _begin(
        self,
        stage: str,
        meaning: Mapping[str, Any],
        own: Mapping[Part, Mapping[str, Any]],
        ran_on: Mapping[str, Any] = NOTHING,
        upstream: PartedTables | None = None,
    ) -> PartedTables:
        """The tables of a stage. meaning: what counts for all its rows; own: for a part's alone."""
        parts: dict[Part, tuple[str, Mapping[str, Any]]] = {}
        changed: list[Part] = []
        for part, its_own in own.items():
            above = upstream.parts[part].identity if upstream else None
            name = identity(stage, self.config, {**meaning, **its_own}, part, above)
            parts[part] = (name, its_own)
            last = self.store.latest(part_name(stage, part))
            if last and last.identity != name and self.store.stage(*last.place).tables():
                changed.append(part)
        if changed and stage in COSTLY:
            print(
                f"forkeval: note: what the {stage} stage's rows of {', '.join(map(str, changed))} "
                "mean has changed; those are kept aside, and new ones are made",
                file=sys.stderr,
            )
        record = {"machine": environment.machine(), "meaning": meaning, **ran_on}
        common = identity(stage, self.config, meaning)
        return self.store.begin_parts(stage, common, record, parts, upstream)

    @contextmanager
    def _background(self, judging: Judging | None, sampled: PartedTables) -> Iterator[None]:
        """Judging goes on beside the body, and is complete after it."""
        if judging is None:
            yield
            return
        judging.start()
        try:
            with self._timed("execute"):
                yield
                sampled.finish()
                judging.finish()
        except BaseException:
            judging.cancel()
            judging.check()  # a fault of the background is the cause; say that one
            raise

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        """Records the wall time of a stage, also of one that was stopped."""
        started = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - started
            self.store.shared("times").commit([StageTime(stage, self.session, seconds)])
