"""The sample stage asks for exactly what is missing, and notices what did not come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import Call, Candidate, CandidateKey, EngineStep, Problem, UserError
from pipeline.services import Completion, CompletionRequest
from pipeline.stages.sample import sample


def problem(index: int) -> Problem:
    return Problem("mini", "python", f"Mini/{index}", f"p{index}", 0, "f", "", (), "base", "", "")


def completion(request: CompletionRequest, index: int) -> Completion:
    call = Call(*request.problem, index, "candidate", 0, (), "", 1, 0, 1, 0, 0.0, 0.0)
    return Completion(
        call, Candidate(*request.problem, index, "x", (1,), (1,), (0.0,), (0.0,), "eos", "")
    )


class Echo:
    """A completer that answers each request, leaving out the keys in `dropped`."""

    def __init__(self, dropped: frozenset[CandidateKey] = frozenset()) -> None:
        self.dropped = dropped
        self.requests: list[CompletionRequest] = []

    def check(self, requests: Iterable[CompletionRequest]) -> None: ...

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for request in requests:
            self.requests.append(request)
            for index in reversed(request.sample_indices):
                if CandidateKey(*request.problem, index) not in self.dropped:
                    yield completion(request, index)

    def identity(self) -> dict[str, Any]:
        return {}

    def environment(self) -> dict[str, Any]:
        return {}

    def take_steps(self) -> list[EngineStep]:
        return []


STOPS = {"python": ("\ndef",)}


@given(
    st.integers(1, 6), st.integers(1, 5), st.sets(st.tuples(st.integers(0, 4), st.integers(0, 9)))
)
def test_only_missing_samples_are_drawn_and_none_is_left(
    n: int, problems: int, done: set[tuple[int, int]]
) -> None:
    have = {CandidateKey("mini", "python", f"Mini/{p}", i) for p, i in done}
    rows = [problem(i) for i in range(problems)]
    written: list[Completion] = []
    drawn = sample(rows, n, have, STOPS, Echo(), written.append)
    keys = {item.candidate.key for item in written}
    wanted = {CandidateKey(*row.key, i) for row in rows for i in range(n)}
    assert keys == wanted - have
    assert drawn == len(written) == len(keys)


def test_a_sample_that_did_not_come_is_named() -> None:
    lost = CandidateKey("mini", "python", "Mini/1", 2)
    with pytest.raises(UserError, match="mini/python/Mini/1: sample 2 was not drawn"):
        sample([problem(0), problem(1)], 3, set(), STOPS, Echo(frozenset({lost})), lambda _: None)


def test_stop_strings_come_from_the_problems_language() -> None:
    echo = Echo()
    sample([problem(0)], 1, set(), STOPS, echo, lambda _: None)
    assert echo.requests[0].stop == ("\ndef",)


def test_a_prompt_that_cannot_be_served_stops_before_the_first_sample() -> None:
    class Narrow(Echo):
        def check(self, requests: Iterable[CompletionRequest]) -> None:
            asked = [request.problem.task_id for request in requests]
            raise UserError(f"no room for {asked}")

    narrow = Narrow()
    with pytest.raises(UserError, match=r"Mini/0.*Mini/1"):
        sample([problem(0), problem(1)], 2, set(), STOPS, narrow, lambda _: None)
    assert not narrow.requests
