"""The rerank stage of one run: services for the rankers that need them, and what is kept of them.

Executions and samples of rankers are stored as they end, by what they are, so that a run that was
stopped goes on where it was. Rankings are stored a part at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline import rankers
from pipeline.cached_completer import CachedCompleter
from pipeline.cached_executor import CachedExecutor
from pipeline.config import RerankConfig
from pipeline.records import CandidateKey, Part, Ranking, digest
from pipeline.services import Completer, Completion, Executor
from pipeline.stages import rerank
from pipeline.store import PartedTables, StageTables, Store
from pipeline.store.shards import to_records
from pipeline.wanted import Wanted

GENERATED = "generated"  # stage of what rankers sample, by part


@dataclass(slots=True)
class Reranking:
    """Ranks the wanted candidates.

    executor, completer: make the services; called where a ranker needs one. stops: stop strings by
    language.
    """

    config: RerankConfig
    store: Store
    wanted: Wanted
    sampled: PartedTables
    truncated: PartedTables
    executor: Callable[[], Executor]
    completer: Callable[[], Completer]
    stops: Mapping[str, tuple[str, ...]]

    def run(self, begin: Callable[[Mapping[Part, Mapping[str, Any]]], PartedTables]) -> None:
        """Ranks what is not ranked yet. begin: makes the stage's tables from what their rows mean.

        Raises UserError as the services do.
        """
        needed = rankers.needs(self.config.rankers)
        with ExitStack() as stack:
            executor = self.executor() if "executor" in needed else None
            if executor is not None:
                stack.callback(executor.close)
            tables = begin({part: self._meaning(part, executor) for part in self.wanted.parts})
            # One commit holds all of a part.
            lacking = [part for part, own in tables.parts.items() if not own.tables()]
            if not lacking:
                return
            kept = None
            if executor is not None:
                executor.prepare(self.wanted.only(lacking).languages)
                kept = stack.enter_context(self._kept(executor))
            completer = self.completer() if "completer" in needed else None
            for part in lacking:
                with self._sampling(part, completer) as sampling:
                    tables.commit(self._ranked(part, kept, sampling))

    def _ranked(
        self, part: Part, executor: Executor | None, completer: Completer | None
    ) -> Sequence[Any]:
        own = self.wanted.only([part])
        ranked, costs = rerank.rerank(
            self.config.rankers,
            part,
            own.rows(self.sampled.table("candidates", rerank.CANDIDATE_COLUMNS)),
            own.rows(self.truncated.table("programs", rerank.PROGRAM_COLUMNS)),
            self.config.logprobs,
            rankers.Tools(own.problems, executor, completer, self.stops, self.config.test_samples),
        )
        return [*to_records(Ranking, ranked), *costs]

    def _meaning(self, part: Part, executor: Executor | None) -> Mapping[str, Any]:
        """What the rankings of a part mean, beside the configuration and the programs."""
        # Scores of duplicates depend on which samples there are, so the extent is part of the
        # identity here: rankings of another extent stay aside.
        problems = digest(*sorted(map(str, self.wanted.only([part]).problems)))
        meaning: dict[str, Any] = {"n": self.wanted.n, "problems": problems}
        if executor is not None:
            meaning["inputs"] = rankers.VERSION
            meaning["image"] = executor.image_digest(part.language)
            meaning["limits"] = executor.limits_hash(part.language)
        return meaning

    @contextmanager
    def _kept(self, executor: Executor) -> Iterator[Executor]:
        """The executor with what rankers had it run before."""
        tables = self.store.shared("rerank")
        with self.store.writer(tables) as writer:
            yield CachedExecutor(executor, tables.records("executions"), writer.add)

    @contextmanager
    def _sampling(self, part: Part, completer: Completer | None) -> Iterator[Completer | None]:
        """The completer with what rankers had it sample before for the part."""
        if completer is None:
            yield None
            return
        tables = generated_tables(self.store, part, self.sampled)
        with self.store.writer(tables) as writer:
            yield CachedCompleter(completer, _completions(tables), writer.add)


def generated_tables(store: Store, part: Part, sampled: PartedTables) -> StageTables:
    """Where the samples of rankers lie: those of one model, sampling and prompt."""
    identity = digest(sampled.parts[part].identity, rankers.VERSION)[:16]
    return store.stage(f"{GENERATED}.{part.dataset}.{part.language}", identity)


def _completions(tables: StageTables) -> Iterator[Completion]:
    calls = {
        CandidateKey(call.dataset, call.language, call.task_id, call.sample_index): call
        for call in tables.records("calls")
    }
    for candidate in tables.records("candidates"):
        yield Completion(calls[candidate.key], candidate)
