"""Pools and jobs for the tests that need a Docker engine; the browser for those of the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.records import Job, Limits, digest
from sandboxes.pool import DockerExecutor, Way
from tests.integration.browsing import BROWSER

LIMITS = Limits(cpu_seconds=2.0, wall_seconds=20.0, memory_mib=256, disk_mib=16)


@pytest.fixture(scope="session")
def small_limits() -> Limits:
    """Limits that end a hostile program soon."""
    return LIMITS


@pytest.fixture(scope="session")
def executor(docker_client: Any) -> Iterator[DockerExecutor]:
    """Two warm sandboxes under small limits, shared by the tests that leave them as they were."""
    with DockerExecutor(LIMITS, workers=2) as pool:
        yield pool


@pytest.fixture(scope="session")
def plain_executor(docker_client: Any) -> Iterator[DockerExecutor]:
    """As `executor`, with a fresh process for everything."""
    with DockerExecutor(LIMITS, workers=2, way="plain") as pool:
        yield pool


@pytest.fixture
def make_executor(docker_client: Any) -> Iterator[Callable[..., DockerExecutor]]:
    """Makes executors that are closed with the test: make_executor(limits, workers, way)."""
    made: list[DockerExecutor] = []

    def make(limits: Limits = LIMITS, workers: int = 1, way: Way = "warm") -> DockerExecutor:
        made.append(DockerExecutor(limits, workers, way=way))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@pytest.fixture
def job() -> Callable[..., Job]:
    """Makes a job from a completion and a test."""

    def make(
        completion: str,
        test: str = "def check(candidate):\n    assert candidate(2, 3) == 5\n",
        *,
        language: str = "python",
        prompt: str = "",
        entry_point: str = "add",
        kind: Any = "program",
        name: str = "",
    ) -> Job:
        return Job(
            language=language,
            prompt=prompt,
            completion=completion,
            test=test,
            kind=kind,
            entry_point=entry_point,
            program_hash=name or digest(language, prompt, completion),
            test_hash=digest(kind, test, entry_point),
        )

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by playwright; tests that need it are skipped where there is none."""
    from playwright.sync_api import sync_playwright  # most tests need none of it

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()
