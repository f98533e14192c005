"""Published programs get the verdicts on record: 40 a language, drawn by a seed.

`python -m tests.full.published` judges all of them and makes the record;
`tests/integration/test_published.py` has the sets that go through the whole of `forkeval run`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Execution, Limits, Program
from pipeline.stages.execute import ExecuteStage
from sandboxes import languages
from sandboxes.pool import DockerExecutor
from tests.full.published_results import Result, load_all
from tests.full.published_sets import PublishedSet, read

pytestmark = pytest.mark.docker

SEED = 20261124
DRAWN = 40
# These depend on the machine and take seconds each; the self-tests have such programs.
UNSTEADY = ("timeout", "out_of_memory", "output_limit")
BENCHMARKS = ("humaneval", "mbxp")


@pytest.fixture(scope="module")
def reference_limits(docker_client: Any) -> Iterator[DockerExecutor]:
    """All cores, under the limits that the record was made with."""
    with DockerExecutor(Limits()) as pool:
        yield pool


def _drawn(results: list[Result], language: str) -> list[tuple[PublishedSet, str, str]]:
    """Set, task id and recorded verdict of the programs to judge."""
    known = []
    for result in results:
        benchmark, _, kind = result.set.rpartition("_")
        if result.language != language or benchmark not in BENCHMARKS:
            continue
        one = PublishedSet(benchmark, "canonical" if kind == "canonical" else "samples", language)
        for task in [*result.passed, *result.failed]:
            if task not in result.retried and result.verdict(task) not in UNSTEADY:
                known.append((one, task, result.verdict(task)))
    return random.Random(f"{SEED} {language}").sample(
        sorted(known, key=str), min(DRAWN, len(known))
    )


@pytest.mark.parametrize("language", list(languages.load()))
def test_recorded_verdicts(
    language: str, reference_limits: DockerExecutor, published: Path
) -> None:
    drawn = _drawn(load_all(), language)
    if not drawn:
        pytest.skip(
            f"no verdicts of {language} on record: `python -m tests.full.published --language"
            f" {language}` judges its programs"
        )
    assert len(drawn) == DRAWN
    expected, found = {}, {}
    details: dict[str, Execution] = {}
    for one in dict.fromkeys(one for one, _, _ in drawn):
        tasks = {task: verdict for other, task, verdict in drawn if other == one}
        given = read(one, published)
        programs: list[Program] = [p for p in given.programs if p.task_id in tasks]
        stage = ExecuteStage(
            given.problems, given.tests, reference_limits, "completed", 1,
            lambda done: details.update({done.program_hash: done}),
        )  # fmt: skip
        stage.run(programs)
        expected |= {f"{one} {task}": verdict for task, verdict in tasks.items()}
        found |= {f"{one} {row.task_id}": row.verdict for row in stage.verdicts(programs)}
    assert found == expected, [d.detail for d in details.values() if d.verdict != "passed"]
