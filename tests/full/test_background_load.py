"""Verdicts stay the same while twice as many processes as there are cores keep them busy."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.environment import processor
from pipeline.records import Limits
from sandboxes.pool import DockerExecutor
from tests.full.published import current, judge
from tests.full.published_results import Journal, Result, load, path_of
from tests.full.published_sets import PublishedSet, read

pytestmark = [pytest.mark.docker, pytest.mark.full]

FOLDER = Path(__file__).resolve().parents[2] / "sandboxes" / "results" / "background_load"


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keeps so many cores busy with processes that end with the block."""
    burners = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
        assert all(burner.poll() is None for burner in burners), "the load ended before the test"
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def _quiet(one: PublishedSet, executor: DockerExecutor, published: Path, folder: Path) -> Result:
    """The verdicts without the load: on record for this image, or judged now."""
    known = load(path_of(one.name, one.language))
    if known is not None and current(one, executor):
        return known
    return judge(one, read(one, published), executor, Journal(folder / "quiet"))


@pytest.mark.parametrize("language", ["python", "java"])
def test_verdicts_under_load(
    language: str, docker_client: Any, published: Path, tmp_path: Path
) -> None:
    one = PublishedSet("mbxp", "canonical", language)
    burners = 2 * (os.cpu_count() or 1)
    with DockerExecutor(Limits()) as executor:
        quiet = _quiet(one, executor, published, tmp_path)
        with busy(burners):
            loaded = judge(one, read(one, published), executor, Journal(tmp_path / "busy"))
    tasks = [*quiet.passed, *quiet.failed]
    assert sorted(tasks) == sorted([*loaded.passed, *loaded.failed])
    changed = {
        task: [quiet.verdict(task), loaded.verdict(task)]
        for task in tasks
        if quiet.verdict(task) != loaded.verdict(task)
    }
    found = {
        "set": str(one),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count()},
        "busy_processes": burners,
        "toolchain": loaded.toolchain,
        "image_digest": loaded.image_digest,
        "programs": loaded.programs,
        "changed": changed,
        "timeouts_saved_by_a_retry": dict(loaded.retried),
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{language}.json").write_text(json.dumps(found, indent=1) + "\n")
    assert changed == {}
