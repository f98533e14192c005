"""A `Scorer` that scores nothing twice: what a table holds is given from there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.records import Record, Review
from pipeline.services import Completer, Score, Scorer, ScoreRequest


class CachedScorer:
    """Scores what is not known yet, of one purpose.

    known: scores of earlier sessions, of the same texts. write: receives the rows of each new one.
    """

    def __init__(
        self, completer: Completer, known: Iterable[Score], write: Callable[..., None]
    ) -> None:
        """completer: one that is a `Scorer` too."""
        assert isinstance(completer, Scorer)
        self._scorer: Scorer = completer
        self._completer = completer
        self._known = {score.candidate: score for score in known}
        self._write = write

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        """Known ones come after the others."""
        given: list[Score] = []

        def lacking() -> Iterator[ScoreRequest]:
            for request in requests:
                if request.candidate in self._known:
                    given.append(self._known[request.candidate])
                else:
                    yield request

        for score in self._scorer.score(lacking()):
            self._known[score.candidate] = score
            rows: list[Record] = [score.call, Review(*score.candidate, logprob=score.logprob)]
            self._write(*rows, *self._completer.take_steps())
            yield score
        self._write(*self._completer.take_steps())
        yield from given
