"""Hostile programs get the verdicts they deserve, and what runs after them is not touched."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.environment import processor
from pipeline.records import Execution, Job, Limits, digest
from sandboxes import languages
from sandboxes.pool import DockerExecutor, Way
from tests.integration.sandboxes.host import Watch
from tests.integration.sandboxes.hostile import Hostile, load

pytestmark = pytest.mark.docker

FOLDER = Path(__file__).resolve().parents[3] / "sandboxes" / "results" / "hostile"

PROGRAMS = [
    pytest.param(hostile, id=hostile.id, marks=[pytest.mark.full] if hostile.slow else [])
    for hostile in load()
]


def _good(name: str) -> Job:
    language = languages.get(name)
    text = language.self_tests[0].completion
    return Hostile(name, "", f"good {digest(text)}", text, ("passed",)).job()


@pytest.fixture(scope="module")
def impatient_limits(small_limits: Limits) -> Limits:
    """Waits less long for the programs that sleep, and for compilers that are given bombs."""
    return dataclasses.replace(small_limits, wall_seconds=6.0, compile_seconds=20.0)


@pytest.fixture(scope="module")
def watch(docker_client: Any) -> Iterator[Watch]:
    """Sees to it that nothing is left on the host when the module's pools are closed."""
    if os.getuid() != 0:
        pytest.fail("what programs leave on the host is seen by root alone: run as root")
    with pytest.MonkeyPatch.context() as patch:
        found = Watch(docker_client, patch)
        yield found
        until = time.monotonic() + 30  # the engine removes a container in its own time
        while (left := found.left_at_the_end()) and time.monotonic() < until:
            time.sleep(0.5)
        assert found.started
        assert not left


@pytest.fixture(scope="module")
def impatient(watch: Watch, impatient_limits: Limits) -> Iterator[DockerExecutor]:
    """One sandbox a language, so that a program is followed by one in the same sandbox."""
    with watch.pool(impatient_limits, workers=1) as pool:
        yield pool


def _stopped_on_the_way(hostile: Hostile, found: Execution, limits: Limits) -> bool:
    """Whether processor time ended a program that was filling memory and had half of it.

    It takes 0.3 s of processor time until the memory is full, and then the kernel decides when to
    kill; beside other tests two seconds passed before it did.
    """
    own = languages.get(hostile.language).limits_under(limits)
    return (
        (hostile.threat, found.verdict) == ("memory", "timeout")
        and "out_of_memory" in hostile.verdicts
        and found.m_cpu_seconds >= own.cpu_seconds
        and found.m_peak_memory_bytes >= own.memory_mib << 20 >> 1
    )


@pytest.mark.parametrize("hostile", PROGRAMS)
def test_hostile_program(
    hostile: Hostile, impatient: DockerExecutor, impatient_limits: Limits, watch: Watch
) -> None:
    found = impatient.execute(hostile.job())
    assert found.verdict in hostile.verdicts or _stopped_on_the_way(
        hostile, found, impatient_limits
    ), (found.verdict, found.detail, found.stderr[-2000:])
    assert watch.left_now() == []
    after = impatient.execute(_good(hostile.language))
    assert after.verdict == "passed", (after.verdict, after.detail, after.stderr)


def _shuffled(
    programs: list[Hostile], limits: Limits, seed: int, watch: Watch, copies: int
) -> tuple[dict[str, Execution], dict[str, Execution]]:
    """The programs, with copies of each quick self-test between them, in an order of its own for
    each way."""
    expected: dict[str, str] = {}
    jobs = {hostile.id: hostile.job() for hostile in programs}
    for language in languages.load().values():
        if not any(hostile.language == language.name for hostile in programs):
            continue
        for index, test in enumerate(language.self_tests):
            if test.verdict in ("timeout", "out_of_memory"):
                continue  # these take seconds each, and `forkeval images test` has them
            for copy in range(copies):
                known = Hostile(language.name, "", f"{index}-{copy}", test.completion, ())
                jobs[known.id] = known.job()
                expected[known.id] = test.verdict
    draw = random.Random(seed)
    ways: tuple[Way, ...] = ("warm", "plain")
    found = []
    for way in ways:
        order = list(jobs.values())
        draw.shuffle(order)
        with watch.pool(limits, workers=2, way=way) as pool:
            found.append({done.program_hash: done for done in pool.run(order)})
        assert found[-1].keys() == jobs.keys()
        verdicts = {name: found[-1][name].verdict for name in expected}
        assert verdicts == expected
    return found[0], found[1]


def _agree(
    programs: list[Hostile], limits: Limits, seed: int, watch: Watch, copies: int
) -> dict[str, tuple[Execution, Execution]]:
    """Both ways' executions of each program, which have been held against each other."""
    warm, plain = _shuffled(programs, limits, seed, watch, copies)
    for hostile in programs:
        found = (warm[hostile.id], plain[hostile.id])
        ours = tuple(each.verdict for each in found)
        said = [(each.verdict, each.detail, each.stderr[-1000:]) for each in found]
        assert set(ours) <= set(hostile.verdicts), (hostile.id, said)
        # Where a program has one verdict it is this one both ways; where a limit decides between
        # two (memory or time, whichever comes first), each way gives one of them.
        assert len(hostile.verdicts) > 1 or ours[0] == ours[1], (hostile.id, said)
    return {hostile.id: (warm[hostile.id], plain[hostile.id]) for hostile in programs}


def test_warm_and_plain_agree_in_any_order(impatient_limits: Limits, watch: Watch) -> None:
    """A seeded draw of the quick hostile programs, with known-good ones between them."""
    quick = [h for h in load() if not h.slow and not {"timeout", "out_of_memory"} & set(h.verdicts)]
    # No bombs among them: nothing is gained by impatience, and a cold compiler beside other tests
    # may need longer.
    limits = dataclasses.replace(impatient_limits, compile_seconds=60.0)
    # A cold Kotlin or Scala compiler takes seconds for each copy; the long checks have three.
    _agree(random.Random(20261122).sample(quick, 48), limits, 1, watch, copies=1)


@pytest.mark.full
@pytest.mark.parametrize("language", list(languages.load()))
def test_warm_and_plain_agree_on_every_hostile_program(
    language: str, impatient_limits: Limits, watch: Watch
) -> None:
    """Writes the verdicts to sandboxes/results/hostile."""
    programs = [h for h in load() if h.language == language]
    assert programs
    # A plain Scala compiler beside other work took more than 20 s for a program that is no bomb.
    limits = dataclasses.replace(impatient_limits, compile_seconds=60.0)
    found = _agree(programs, limits, 2, watch, copies=3)
    ways = next(iter(found.values()))
    record = {
        "language": language,
        "toolchain": ways[0].toolchain,
        "image_digest": ways[0].image_digest,
        "limits": repr(languages.get(language).limits_under(limits)),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "warm, plain": {name: [done.verdict for done in both] for name, both in found.items()},
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{language}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


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
