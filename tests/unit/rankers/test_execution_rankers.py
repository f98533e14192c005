"""Rankers that run programs, on an executor that knows what each program prints."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ranker_terms import AMONG_OTHERS
from pipeline.rankers import Bill, Tools, agreements, check, needs, rank
from pipeline.records import (
    Agreement,
    Call,
    Candidate,
    EngineStep,
    Execution,
    Job,
    Problem,
    UserError,
)
from pipeline.services import Completion, CompletionRequest, Score, ScoreRequest

PROMPT = 'def f(x):\n    """\n    >>> f(1)\n    2\n    >>> f(2)\n    4\n    """\n'
NAMES = ("mbr_exec", "self_consistency", "public_examples")


def problem(task_id: str = "T/0", prompt: str = PROMPT, entry_point: str = "f") -> Problem:
    from pipeline.benchmarks.examples import public_examples

    examples = public_examples(prompt, "python")
    return Problem("d", "python", task_id, prompt, 0, entry_point, "", examples, "base", "", "")


class Printing:
    """Prints the JSON values that each completion stands for, as the sandbox would."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.values = values
        self.jobs: list[Job] = []

    def prepare(self, languages: Iterable[str]) -> None: ...

    def image_digest(self, language: str) -> str:
        return "image"

    def limits_hash(self, language: str) -> str:
        return "limits"

    def environment(self) -> dict[str, Any]:
        return {}

    def close(self) -> None: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for job in reversed(list(jobs)):
            self.jobs.append(job)
            marker = re.findall("out[0-9a-f]{16}", job.test)[0]
            printed = "".join(
                f"noise\n{marker} {i} {value}\n"
                for i, value in enumerate(self.values[job.completion])
            )
            yield Execution(
                job.program_hash, job.test_hash, "image", "limits", job.evidence, job.evidence,
                job.attempt, job.language, "passed", 0, "", printed, "", "", 0.0, 0.25, 0.25, 0.0,
            )  # fmt: skip


class Reviewing:
    """Finds the task as likely as a table says of the code, the last request first."""

    def __init__(self, likely: Mapping[str, float]) -> None:
        self.likely = likely
        self.asked: list[ScoreRequest] = []

    def score(self, requests: Iterable[ScoreRequest]) -> Iterator[Score]:
        for request in reversed(list(requests)):
            self.asked.append(request)
            body = request.prompt.splitlines()[1].strip()
            call = Call(*request.candidate, request.purpose, 0, (), "", 50, 0, 0, 0, 100.0, 0.0)
            yield Score(request.candidate, call, self.likely[body])


class Asserting:
    """Completes the prompt of generated tests with given texts, the last sample first."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts

    def check(self, requests: Iterable[CompletionRequest]) -> None: ...

    def complete(self, requests: Iterable[CompletionRequest]) -> Iterator[Completion]:
        for request in requests:
            assert request.purpose == "test_generation"
            assert request.prompt.endswith("assert f(")
            for index in reversed(request.sample_indices):
                key = (*request.problem, index)
                yield Completion(
                    Call(*key, request.purpose, 0, (), "", 30, 0, 7, 1, 100.0, 10.0),
                    Candidate(*key, self.texts[index], (), (), (), (), "stop", ""),
                )

    def identity(self) -> dict[str, Any]:
        return {}

    def environment(self) -> dict[str, Any]:
        return {}

    def take_steps(self) -> list[EngineStep]:
        return []


def run(
    name: str,
    drawn: Sequence[tuple[str, str, float]],
    values: Mapping[str, Sequence[str]],
    problems: Sequence[Problem] = (),
    order: Sequence[int] | None = None,
    tests: Sequence[str] = (),
    generated_inputs: bool = False,
) -> tuple[list[float], Bill, Printing]:
    """Scores of samples (task id, completion, log-probability) in their order."""
    problems = problems or [problem()]
    index: list[int] = []
    for at, (task, _, _) in enumerate(drawn):
        index.append(sum(task == other for other, _, _ in drawn[:at]))
    order = order or range(len(drawn))
    key = {
        "dataset": ["d"] * len(drawn),
        "language": ["python"] * len(drawn),
        "task_id": [drawn[i][0] for i in order],
        "sample_index": pa.array([index[i] for i in order], pa.int64()),
    }
    logs = [[] if math.isnan(drawn[i][2]) else [drawn[i][2]] for i in order]
    candidates = pa.table({**key, "logprobs_raw": pa.array(logs, pa.list_(pa.float32()))})
    programs = pa.table(
        {
            **key,
            "program_hash": [f"hash {drawn[i][1]}" for i in order],
            "kept_tokens": pa.array([1] * len(drawn), pa.int64()),
            "completion": [drawn[i][1] for i in order],
        }
    )
    executor = Printing(values)
    tools = Tools(
        {p.key: p for p in problems},
        executor,
        Asserting(tests),
        Reviewing(LIKELY),
        test_samples=len(tests),
        generated_inputs=generated_inputs,
    )
    table, bill = rank(name, candidates, programs, tools=tools)
    jobs = list(executor.jobs)
    check_agreements(name, table, agreements(name, candidates, programs, "raw", tools))
    executor.jobs = jobs  # those of the ranking
    found = {(row["task_id"], row["sample_index"]): row["score"] for row in table.to_pylist()}
    return [found[task, index[at]] for at, (task, _, _) in enumerate(drawn)], bill, executor


def check_agreements(name: str, table: pa.Table, known: Sequence[Agreement]) -> None:
    """Of all samples, what is recorded for parts of them gives the order of the scores."""
    assert bool(known) == (name in AMONG_OTHERS)
    of = {(row.task_id, row.sample_index): row for row in known}
    if not known:
        return
    rows = table.to_pylist()
    counted = Counter(
        (row["task_id"], of[row["task_id"], row["duplicate_of"]].cluster) for row in rows
    )
    for task in {row["task_id"] for row in rows}:
        own = {row["duplicate_of"]: row["score"] for row in rows if row["task_id"] == task}
        order = {}
        for index in own:
            one = of[task, index]
            count = one.weight * counted[task, one.cluster] if one.cluster >= 0 else 0
            order[index] = (count, 0.0 if math.isnan(one.then) else one.then)
        for a in own:
            for b in own:
                assert (own[a] < own[b]) == (order[a] < order[b])


# Six samples, four programs: a (twice) and b agree in other words, c is alone, d gives nothing.
VALUES = {"a": ["2", "4.0"], "b": ["2.00000000001", "4"], "c": ["2", "5"], "d": ["!", "!"]}
DRAWN = [
    ("T/0", "a", -2.0),
    ("T/0", "b", -1.0),
    ("T/0", "a", -3.0),
    ("T/0", "c", -0.5),
    ("T/0", "d", -0.25),
]


def test_mbr_exec_by_hand() -> None:
    # a and b: 3 samples agree, so 2 others each; c: none; d gave no value: -1. By log-probability
    # d > c > b > a, so the fractions are 3, 2, 1 and 0 quarters.
    scores, _, _ = run("mbr_exec", DRAWN, VALUES)
    assert scores == [2.0, 2.25, 2.0, 0.5, -0.25]


def test_self_consistency_by_hand() -> None:
    scores, _, _ = run("self_consistency", DRAWN, VALUES)
    assert scores == [3.0, 3.0, 3.0, 1.0, 0.0]


def test_public_examples_by_hand() -> None:
    # a, b give 2 and 4; c only 2; d nothing; then by log-probability, d > c > b > a.
    scores, _, _ = run("public_examples", DRAWN, VALUES)
    assert scores == [2.0, 2.25, 2.0, 1.5, 0.75]


# Two samples of tests: f(1) == 2 twice, f(2) == 4 and f(2) == 5 once each; the rest says nothing.
TESTS = ("1) == 2\n\nassert f(2) == 4\nassert f(x) == 4\n", "1) == 2, 'one'\nassert f(2) == 5\n")


def test_codet_by_hand() -> None:
    # a and b pass 2 + 1 tests and are 3 samples; c passes 2 + 1 and is one; d passes none.
    scores, bill, executor = run("codet", DRAWN, VALUES, tests=TESTS)
    assert scores == pytest.approx([3 * math.sqrt(3)] * 3 + [3.0, 0.0])
    assert len(executor.jobs) == len(bill.executions) == 4
    assert [(c.prompt_tokens, c.generated_tokens) for c in bill.calls.values()] == [(30, 7)] * 2


def test_codet_counts_the_first_five_assertions_of_a_sample() -> None:
    text = "1) == 2\n" + "assert f(1) == 2\n" * 3 + "assert f(2) == 4\nassert f(2) == 5\n"
    scores, _, _ = run("codet", DRAWN, VALUES, tests=(text,))
    assert scores[:4] == pytest.approx([5 * math.sqrt(3)] * 3 + [4.0])


def test_codet_without_a_readable_test_ties() -> None:
    scores, _, executor = run("codet", DRAWN, VALUES, tests=("the end", "x) == y"))
    assert scores == [0.0] * 5
    assert not executor.jobs


LIKELY = {"a": -10.0, "b": -4.0, "c": math.nan, "d": -1.0}


def test_coder_reviewer_by_hand() -> None:
    # The likelier draw of a: -2 - 10; b: -1 - 4; c's review does not fit; d: -0.25 - 1.
    scores, bill, executor = run("coder_reviewer", DRAWN, VALUES)
    assert scores == [-12.0, -5.0, -12.0, -math.inf, -1.25]
    assert not executor.jobs
    assert [call.prompt_tokens for call in bill.calls.values()] == [50] * 4


def test_degenerate_code_is_last_and_never_reviewed() -> None:
    bodies = ("", "    pass\n", "    return\n", "  return None  # never\n", "    x = x\n" * 60)
    drawn = [("T/0", text, -0.5) for text in bodies] + [("T/0", "a", -9.0)]
    scores, bill, _ = run("coder_reviewer", drawn, VALUES)
    assert scores == [-math.inf] * 5 + [-19.0]
    assert len(bill.calls) == 1


@pytest.mark.parametrize("name", NAMES)
def test_without_log_probabilities_ties_stay_ties(name: str) -> None:
    scores, _, _ = run(name, [(task, text, math.nan) for task, text, _ in DRAWN], VALUES)
    assert scores[0] == scores[1] == scores[2] > scores[3] > scores[4]


@pytest.mark.parametrize("name", NAMES)
def test_a_program_runs_once_and_is_billed_once(name: str) -> None:
    both = f"lexicographic({name}, self_consistency)"
    _, bill, executor = run(name, DRAWN, VALUES)
    assert sorted(job.completion for job in executor.jobs) == ["a", "b", "c", "d"]
    assert (len(bill.executions), bill.cpu_seconds) == (4, 1.0)
    _, joined, _ = run(both, DRAWN, VALUES)
    assert (len(joined.executions), joined.cpu_seconds) == (4, 1.0)


def test_a_problem_without_public_inputs_is_ranked_by_log_probability() -> None:
    bare = problem(prompt="def f(x):\n")
    scores, bill, _ = run("mbr_exec", DRAWN, VALUES, [bare])
    assert sorted(range(5), key=lambda i: -scores[i])[:3] == [4, 3, 1]
    assert run("self_consistency", DRAWN, VALUES, [bare])[0] == [0.0] * 5
    assert not bill.executions


def test_generated_inputs_take_the_place_of_public_ones_that_are_lacking() -> None:
    bare = problem(prompt="def f(x):\n")
    scores, bill, executor = run(
        "self_consistency", DRAWN, VALUES, [bare], tests=TESTS, generated_inputs=True
    )
    assert scores == [3.0, 3.0, 3.0, 1.0, 0.0]
    assert len(bill.calls) == 2
    assert all("f(1)" in job.test or "function(1)" in job.test for job in executor.jobs)
    # What is generated counts as no example.
    name = "public_examples"
    plain, _, _ = run(name, DRAWN, VALUES, [bare], tests=TESTS, generated_inputs=True)
    assert max(plain) < 1.0
    # Where there are public inputs the model is not asked.
    _, bill, _ = run("self_consistency", DRAWN, VALUES, tests=TESTS, generated_inputs=True)
    assert not bill.calls


def test_agreement_is_counted_within_a_problem() -> None:
    other = problem("T/1", PROMPT + "    # another\n")
    drawn = [("T/0", "a", -1.0), ("T/1", "a", -1.0), ("T/1", "b", -1.0)]
    scores, _, _ = run("self_consistency", drawn, VALUES, [problem(), other])
    assert scores == [1.0, 2.0, 2.0]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_scores_do_not_depend_on_the_order_of_candidates(data: st.DataObject) -> None:
    drawn = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["T/0", "T/1"]),
                st.sampled_from(list(VALUES)),
                st.floats(-5, 0, width=32),
            ),
            min_size=1,
            max_size=8,
        )
    )
    problems = [problem(), problem("T/1", PROMPT + "    # another\n")]
    order = data.draw(st.permutations(range(len(drawn))))
    for name in (
        *NAMES,
        "codet",
        "coder_reviewer",
        "weighted(0.5 * mbr_exec, 0.5 * public_examples)",
    ):
        plain, _, _ = run(name, drawn, VALUES, problems, tests=TESTS)
        # The order of the rows, and which sample was drawn first.
        assert run(name, drawn, VALUES, problems, order, TESTS)[0] == plain
        again = [drawn[i] for i in order]
        shuffled, _, _ = run(name, again, VALUES, problems, tests=TESTS[::-1])
        assert shuffled == [plain[i] for i in order]


def test_who_needs_an_executor_says_so() -> None:
    assert needs(["random", "mean_logprob"]) == set()
    assert needs(["lexicographic(random, mbr_exec)"]) == {"executor"}
    assert needs(["codet"]) == {"executor", "completer"}
    assert needs(["coder_reviewer"]) == {"scorer"}
    assert needs(["mbr_exec"], generated_inputs=True) == {"executor", "completer"}
    assert needs(["random"], generated_inputs=True) == set()


def test_languages_that_cannot_be_observed_are_named_in_one_line() -> None:
    check(["mean_logprob"], ["cobol"])
    with pytest.raises(UserError, match=r"programs in cobol cannot be observed .*python") as fault:
        check(["self_consistency"], ["python", "cobol"])
    assert "\n" not in str(fault.value)
