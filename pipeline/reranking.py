"""The rerank stage of one run: services for the rankers that need them, and what is kept of them.

Executions and samples of rankers are stored as they end, by what they are, so that a run that was
stopped goes on where it was. Rankings are stored a part at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipeline import rankers
from pipeline.cached_completer import CachedCompleter
from pipeline.cached_executor import CachedExecutor
from pipeline.cached_scorer import CachedScorer
from pipeline.config import RerankConfig
from pipeline.progress import Progress
from pipeline.records import Call, CandidateKey, Part, Ranking, Record, UserError, digest
from pipeline.services import Completer, Completion, Executor, Score, Scorer
from pipeline.stages import rerank
from pipeline.store import PartedTables, StageTables, Store, Writer
from pipeline.store.shards import to_records
from pipeline.wanted import Wanted


class _News:
    """Shows how many rankers have ended, and how much was run and asked for them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._count = 0

    def of(self, writer: Writer) -> Callable[..., None]:
        """Writes rows that belong together, and counts them as one thing done."""

        def write(*rows: Record) -> None:
            writer.add(*rows)
            self._count += bool(rows)
            self._progress.advance(0, f"{self._count:,} executions, samples and reviews")

        return write

    def ended(self) -> None:
        self._progress.advance()


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
    _news: _News = field(init=False)

    def run(self, begin: Callable[[Mapping[Part, Mapping[str, Any]]], PartedTables]) -> None:
        """Ranks what is not ranked yet. begin: makes the stage's tables from what their rows mean.

        Raises UserError as the services do.
        """
        needed = rankers.needs(self.config.rankers, self.config.generated_inputs)
        with ExitStack() as stack:
            executor = self.executor() if "executor" in needed else None
            if executor is not None:
                stack.callback(executor.close)
            tables = begin({part: self._meaning(part, executor) for part in self.wanted.parts})
            # One commit holds all of a part.
            lacking = [part for part, own in tables.parts.items() if not own.tables()]
            if not lacking:
                return
            if executor is not None:
                executor.prepare(self.wanted.only(lacking).languages)
            total = len(lacking) * len(self.config.rankers)
            self._news = _News(stack.enter_context(Progress("rerank", total, "ranker")))
            kept = stack.enter_context(self._kept(executor)) if executor else None
            model = self.completer() if needed & {"completer", "scorer"} else None
            if "scorer" in needed and not isinstance(model, Scorer):
                raise UserError("rerank.rankers: coder_reviewer needs `backend.name: engine`")
            for part in lacking:
                with ExitStack() as own:
                    completer = scorer = None
                    if model is not None and "completer" in needed:
                        completer = own.enter_context(self._sampling(part, model))
                    if model is not None and "scorer" in needed:
                        scorer = own.enter_context(self._scoring(part, model))
                    tables.commit(self._ranked(part, kept, completer, scorer))

    def _ranked(
        self,
        part: Part,
        executor: Executor | None,
        completer: Completer | None,
        scorer: Scorer | None,
    ) -> Sequence[Any]:
        own = self.wanted.only([part])
        ranked, beside = rerank.rerank(
            self.config.rankers,
            part,
            own.rows(self.sampled.table("candidates", rerank.CANDIDATE_COLUMNS)),
            own.rows(self.truncated.table("programs", rerank.PROGRAM_COLUMNS)),
            self.config.logprobs,
            rankers.Tools(
                own.problems,
                executor,
                completer,
                scorer,
                self.stops,
                self.config.test_samples,
                self.config.generated_inputs,
            ),
            self._news.ended,
        )
        return [*to_records(Ranking, ranked), *beside]

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
            yield CachedExecutor(executor, tables.records("executions"), self._news.of(writer))

    @contextmanager
    def _sampling(self, part: Part, completer: Completer) -> Iterator[Completer]:
        """The completer with what rankers had it sample before for the part."""
        tables = generated_tables(self.store, part, self.sampled)
        with self.store.writer(tables) as writer:
            yield CachedCompleter(completer, _completions(tables), self._news.of(writer))

    @contextmanager
    def _scoring(self, part: Part, model: Completer) -> Iterator[Scorer]:
        """The scorer with what it scored before of the part."""
        tables = reviewed_tables(self.store, part, self.truncated)
        with self.store.writer(tables) as writer:
            yield CachedScorer(model, _scores(tables), self._news.of(writer))


def asked_tables(
    store: Store, part: Part, sampled: PartedTables, truncated: PartedTables
) -> list[StageTables]:
    """All that rankers asked the model for a part."""
    return [generated_tables(store, part, sampled), reviewed_tables(store, part, truncated)]


def generated_tables(store: Store, part: Part, sampled: PartedTables) -> StageTables:
    """Where the samples of rankers lie: those of one model, sampling and prompt."""
    identity = digest(sampled.parts[part].identity, rankers.VERSION)[:16]
    return store.stage(f"generated.{part.dataset}.{part.language}", identity)


def reviewed_tables(store: Store, part: Part, truncated: PartedTables) -> StageTables:
    """Where the reviews of programs lie: those of one model and truncation."""
    identity = digest(truncated.parts[part].identity, rankers.VERSION)[:16]
    return store.stage(f"reviewed.{part.dataset}.{part.language}", identity)


def _completions(tables: StageTables) -> Iterator[Completion]:
    calls = _calls(tables)
    for candidate in tables.records("candidates"):
        yield Completion(calls[candidate.key], candidate)


def _scores(tables: StageTables) -> Iterator[Score]:
    calls = _calls(tables)
    for review in tables.records("reviews"):
        key = CandidateKey(review.dataset, review.language, review.task_id, review.sample_index)
        yield Score(key, calls[key], review.logprob)


def _calls(tables: StageTables) -> dict[CandidateKey, Call]:
    return {
        CandidateKey(call.dataset, call.language, call.task_id, call.sample_index): call
        for call in tables.records("calls")
    }
