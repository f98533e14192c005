"""The evidence `isolated`: no forgery passes, and what cannot be isolated falls back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.records import Job, Limits
from sandboxes import languages
from sandboxes.pool import DockerExecutor
from tests.integration.sandboxes.hostile import Hostile, load
from tests.integration.sandboxes.hostile.isolated import PROGRAMS

pytestmark = pytest.mark.docker

# They give the right answer in an odd way, or one that the test's own `==` takes: no forgery.
DESERVED = {"test_ends_well_in_a_child", "replaced_console_assert", "true_equals_everything"}
ISOLATED = [name for name, language in languages.load().items() if language.isolated]


@pytest.fixture(scope="module")
def impatient(docker_client: Any, small_limits: Limits) -> Iterator[DockerExecutor]:
    """One sandbox a language, that waits less long for programs that never answer."""
    with DockerExecutor(dataclasses.replace(small_limits, wall_seconds=6.0), workers=1) as pool:
        yield pool


def _isolated(hostile: Hostile) -> Job:
    return hostile.job("isolated")


def _good(name: str) -> Job:
    text = languages.get(name).self_tests[0].completion
    return _isolated(Hostile(name, "", "good", text, ("passed",)))


@pytest.mark.parametrize("hostile", PROGRAMS, ids=lambda hostile: hostile.id)
def test_program_that_attacks_its_judge(hostile: Hostile, impatient: DockerExecutor) -> None:
    found = impatient.execute(_isolated(hostile))
    assert found.verdict in hostile.verdicts, (found.verdict, found.detail, found.stderr[-2000:])
    assert found.evidence == "isolated"
    after = impatient.execute(_good(hostile.language))
    assert (after.verdict, after.evidence) == ("passed", "isolated"), after.detail


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(hostile, id=hostile.id)
        for hostile in load()
        if hostile.language in ISOLATED
        and "passed" in hostile.verdicts
        and hostile.name not in DESERVED
    ],
)
def test_no_forgery_passes(hostile: Hostile, impatient: DockerExecutor) -> None:
    """Those that `completed` cannot stop."""
    found = impatient.execute(_isolated(hostile))
    assert found.verdict != "passed"
    assert found.evidence == "isolated"


@pytest.mark.full
@pytest.mark.parametrize("language", ISOLATED)
def test_nothing_that_fails_otherwise_passes(language: str, impatient: DockerExecutor) -> None:
    """Every hostile program, in one sandbox: what does not pass at `completed` does not here."""
    for hostile in load():
        if hostile.language == language and "passed" not in hostile.verdicts:
            found = impatient.execute(_isolated(hostile))
            assert found.verdict not in ("passed", "infrastructure_error"), (hostile.id, found)
            assert found.evidence == "isolated"


def test_languages_and_arguments_that_cannot_be_isolated_fall_back(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    text = "def add(a, b):\n    return a(b)\n"
    test = "def check(candidate):\n    assert candidate(lambda x: x + 1, 4) == 5\n"
    found = executor.execute(dataclasses.replace(job(text, test), evidence="isolated"))
    assert (found.verdict, found.evidence) == ("passed", "completed")
    assert found.asked_evidence == "isolated"
    for name in set(languages.load()) - set(ISOLATED):
        found = executor.execute(_good(name))
        assert (found.verdict, found.evidence) == ("passed", "completed")


def test_a_test_on_standard_input_is_isolated_without_a_judge(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    test = '{"cases": [{"input": "2 3", "output": "5"}]}'
    text = "print(sum(map(int, input().split())))\n"
    asked = dataclasses.replace(job(text, test, kind="stdin"), evidence="isolated")
    found = executor.execute(asked)
    assert (found.verdict, found.evidence) == ("passed", "isolated")


def test_a_program_cannot_bring_about_a_fallback(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    """Whatever a test passes on to the next call: results that are no data, too deep, too large."""
    test = "def check(candidate):\n    assert candidate(candidate(2, 3), 3) == 5\n"
    deep = "    found = []\n    for _ in range(400): found = [found]\n    return found\n"
    deeper = deep.replace("400", "450").replace("return found", "return (found, found)")
    for body in (
        "    return iter([1])\n", "    return lambda: 5\n", "    return type('E', (int,), {})(5)\n",
        "    import numpy; return numpy.zeros(3)\n", "    return {1: 2}.keys()\n", deep, deeper,
        "    return 'x' * (31 << 20)\n", "    return bytes(20 << 20)\n", "    return (..., int)\n",
    ):  # fmt: skip
        # The second call is right, so that only what it is given decides.
        text = f"def add(a, b):\n    if a != 2: return 5\n{body}"
        found = executor.execute(dataclasses.replace(job(text, test), evidence="isolated"))
        assert found.evidence == "isolated", (body, found.detail)
