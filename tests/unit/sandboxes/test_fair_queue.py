"""Who waits for whom: languages take turns, nobody idles, nothing is lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import Execution, Job
from sandboxes import dispatch
from sandboxes.fair_queue import FairQueue


def _job(language: str, number: int) -> Job:
    return Job(language, "", "", "", "program", "f", f"{language}-{number}", "t")


def test_the_language_with_fewer_workers_goes_first() -> None:
    line = FairQueue()
    for number in range(3):
        line.put(_job("slow", number))
    line.put(_job("quick", 0))
    assert [job.language for job in (line.take(), line.take()) if job] == ["slow", "quick"]


def test_then_the_one_that_had_less_time() -> None:
    line = FairQueue()
    for number in range(9):
        line.put(_job("slow", number))
        line.put(_job("quick", number))
    spent: Counter[str] = Counter()
    for _ in range(8):
        job = line.take()
        assert job is not None
        spent[job.language] += 1
        line.done(job, 3.0 if job.language == "slow" else 1.0)
    assert spent == {"slow": 2, "quick": 6}


def test_a_language_that_comes_late_has_no_credit() -> None:
    line = FairQueue()
    for number in range(20):
        line.put(_job("early", number))
    for _ in range(10):
        job = line.take()
        assert job is not None
        line.done(job, 1.0)
    for number in range(20):
        line.put(_job("late", number))
    order = []
    for _ in range(6):
        job = line.take()
        assert job is not None
        order.append(job.language)
        line.done(job, 1.0)
    assert Counter(order) == {"early": 3, "late": 3}


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from("abc"), max_size=60),
    st.integers(min_value=1, max_value=4),
    st.integers(min_value=1, max_value=5),
)
def test_every_job_is_taken_once_in_its_language_s_order(
    languages: list[str], workers: int, ahead: int
) -> None:
    line = FairQueue(ahead)
    taken: list[Job] = []

    def work() -> None:
        while (job := line.take()) is not None:
            taken.append(job)
            line.done(job, 0.0)

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    jobs = [_job(language, number) for number, language in enumerate(languages)]
    assert all(line.put(job) for job in jobs)
    line.close()
    for thread in threads:
        thread.join(10)
    assert Counter(taken) == Counter(jobs)
    if workers == 1:
        for language in set(languages):
            of = [job for job in taken if job.language == language]
            assert of == [job for job in jobs if job.language == language]


def test_what_waits_is_bounded() -> None:
    """A generator of jobs is not read to its end while nobody works."""
    given_out = 0
    begun = threading.Event()
    go_on = threading.Event()

    def jobs() -> Iterator[Job]:
        nonlocal given_out
        for number in range(100_000):
            given_out += 1
            yield _job("a", number)

    def execute(job: Job) -> Execution:
        begun.set()
        go_on.wait(20)
        raise LookupError("enough")

    run = dispatch.run(execute, 1, jobs())

    def read() -> None:
        with pytest.raises(LookupError):
            list(run)

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(10)
    time.sleep(0.5)
    assert given_out < 10_000
    go_on.set()
    reader.join(10)
    assert not reader.is_alive()
