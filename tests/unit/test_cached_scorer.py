"""A scorer that scores nothing twice, in this session or after an earlier one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.cached_scorer import CachedScorer
from pipeline.records import Call, CandidateKey, EngineStep, Record, Review
from pipeline.services import Completion, CompletionRequest, Score, ScoreRequest

REQUESTS = [
    ScoreRequest(CandidateKey("d", "python", "T/0", i), f"code {i}", "words", "review")
    for i in range(3)
]


class Model:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        for request in requests:
            self.asked.append(request.candidate.sample_index)
            call = Call(*request.candidate, request.purpose, 0, (), "", 5, 0, 0, 0, 1.0, 0.0)
            yield Score(request.candidate, call, -1.5)

    def check(self, requests: Iterable[CompletionRequest]) -> None: ...

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        yield from ()

    def identity(self) -> dict[str, Any]:
        return {}

    def environment(self) -> dict[str, Any]:
        return {}

    def take_steps(self) -> list[EngineStep]:
        return []


def test_scores_of_before_are_given_and_new_ones_kept() -> None:
    rows: list[Record] = []
    model = Model()
    first = list(CachedScorer(model, [], lambda *more: rows.extend(more)).score(REQUESTS[:2]))
    assert model.asked == [0, 1]
    assert [type(row) for row in rows] == [Call, Review] * 2
    again = Model()
    scorer = CachedScorer(again, first, lambda *more: rows.extend(more))
    found = {score.candidate.sample_index: score.logprob for score in scorer.score(REQUESTS)}
    assert found == {0: -1.5, 1: -1.5, 2: -1.5}
    assert again.asked == [2]
    assert len(rows) == 6
    assert len(list(scorer.score(REQUESTS))) == 3
    assert again.asked == [2]
