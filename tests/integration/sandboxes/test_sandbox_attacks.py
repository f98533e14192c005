"""Hostile programs get the verdicts they deserve, and what runs after them is not touched."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hostile import ALL, Hostile

from pipeline.records import Job, Limits
from sandboxes import languages
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker


def _job(hostile: Hostile, job: Callable[..., Job]) -> Job:
    language = languages.get(hostile.language)
    return job(hostile.completion, language.self_test, language=language.name, name=hostile.name)


def _good(language: str, job: Callable[..., Job]) -> Job:
    kind = languages.get(language)
    return job(kind.self_tests[0].completion, kind.self_test, language=language)


@pytest.fixture(scope="module")
def impatient(docker_client: Any, small_limits: Limits) -> Iterator[DockerExecutor]:
    """One sandbox that waits less long for the programs that sleep."""
    with DockerExecutor(dataclasses.replace(small_limits, wall_seconds=6.0), workers=1) as pool:
        yield pool


@pytest.mark.parametrize("hostile", ALL, ids=lambda h: h.name)
def test_hostile_program(
    hostile: Hostile, impatient: DockerExecutor, job: Callable[..., Job]
) -> None:
    found = impatient.execute(_job(hostile, job))
    assert found.verdict in hostile.verdicts, (found.verdict, found.detail, found.stderr[-2000:])
    after = impatient.execute(_good(hostile.language, job))
    assert after.verdict == "passed", (after.verdict, after.detail, after.stderr)


def test_warm_and_plain_agree_in_any_order(
    executor: DockerExecutor, plain_executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    """Every self-test program three times and some hostile ones, shuffled, with seeded orders."""
    draw = random.Random(20261122)
    jobs = {}
    for language in languages.load().values():
        for index, test in enumerate(language.self_tests):
            if test.verdict in ("timeout", "out_of_memory"):
                continue  # these take seconds each, and test_hostile_program has them
            for copy in range(3):
                name = f"{language.name}-{index}-{copy}"
                jobs[name] = job(
                    test.completion, language.self_test, language=language.name, name=name
                )
    quick = [h for h in ALL if not {"timeout", "out_of_memory"} & set(h.verdicts)]
    for hostile in draw.sample(quick, 16):
        jobs[hostile.name] = _job(hostile, job)
    found: list[dict[str, str]] = []
    for pool in (executor, plain_executor):
        order = list(jobs.values())
        draw.shuffle(order)
        found.append({done.program_hash: done.verdict for done in pool.run(order)})
    assert len(found[0]) == len(jobs)
    assert found[0] == found[1]


def test_a_job_sees_nothing_of_the_one_before(
    make_executor: Callable[..., DockerExecutor], job: Callable[..., Job]
) -> None:
    pool = make_executor()
    leave = """
def add(a, b):
    import os
    for folder in (".", "/tmp", "/var/tmp", "/dev/shm"):
        with open(folder + "/left", "w") as f:
            f.write("secret")
        os.mkdir(folder + "/d")
        os.chmod(folder + "/d", 0)
    os.environ["LEFT"] = "x"
    return a + b
"""
    look = """
def add(a, b):
    import os
    for folder in (".", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"):
        assert os.listdir(folder) == (["main.py"] if folder == "." else []), folder
    assert "LEFT" not in os.environ
    others = [p for p in os.listdir("/proc") if p.isdigit()]
    assert len(others) <= 3, others  # the runner, the interpreter it was forked from, this program
    return a + b
"""
    assert pool.execute(job(leave)).verdict == "passed"
    found = pool.execute(job(look))
    assert found.verdict == "passed", found.stderr


def test_two_jobs_have_different_users(executor: DockerExecutor, job: Callable[..., Job]) -> None:
    text = "def add(a, b):\n    import os\n    print(os.getuid(), os.getgid(), os.getgroups())\n"
    jobs = [job(text + "    return 5\n", name=str(index)) for index in range(8)]
    users = {done.stdout for done in executor.run(jobs)}
    assert len(users) > 1
    assert all(int(user.split()[0]) >= 20000 and user.strip().endswith("[]") for user in users)


def test_limits_are_the_ones_asked_for(
    make_executor: Callable[..., DockerExecutor], job: Callable[..., Job], small_limits: Limits
) -> None:
    small = make_executor(dataclasses.replace(small_limits, pids=8, disk_mib=2, output_kib=1))
    processes = """
def add(a, b):
    import os, time
    n = 0
    try:
        while n < 100:
            if os.fork() == 0:
                time.sleep(100)
            n += 1
    except BlockingIOError:
        pass
    print(n)
    return 5
"""
    disk = """
def add(a, b):
    n = 0
    try:
        with open("x", "wb", 0) as f:
            while n < 1000:
                f.write(b"x" * 65536)
                n += 1
    except OSError:
        pass
    print(n * 65536)
    return 5
"""
    found = small.execute(job(processes))
    assert (found.verdict, found.stdout.strip()) == ("passed", "7")
    found = small.execute(job(disk))
    assert found.verdict == "passed"
    assert (1 << 20) < int(found.stdout) <= (2 << 20)
    found = small.execute(job("def add(a, b):\n    print('x' * 5000)\n    return 5\n"))
    assert (found.verdict, found.stdout) == ("passed", "x" * 1024)
