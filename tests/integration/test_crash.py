"""Killed at any instant, the same command ends with the tables of an undisturbed run."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.integration.runs import commits, forkeval, shards, start, succeed, tables, wait_for

pytestmark = pytest.mark.docker

KILLS = 10
CONFIG = """\
name: {name}
directory: {directory}
benchmarks: [{{name: mini, languages: [python, javascript], limit: 12}}]
sampling: {{n: 40, max_new_tokens: 96, temperature: 1.3}}
engine: {{max_rows: 16, threads: 1}}
execute: {{workers: 1, limits: {{cpu_seconds: 2.0, wall_seconds: 20.0}}}}
store: {{rows_per_shard: 6, seconds_per_shard: 0.5}}
report: {{k: [1, 10], bootstrap: 200}}
"""


def config(folder: Path, name: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG.format(name=name, directory=folder))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crash")


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> Path:
    succeed("run", config(folder, "undisturbed"))
    return folder / "undisturbed"


def kill_often(folder: Path, run: Path, stage: str, seed: int) -> None:
    """Kills the stage KILLS times, each at a random moment after a new commit of it."""
    moments = random.Random(seed)
    died = 0
    for _ in range(3 * KILLS):
        before = shards(run)
        had = commits(run, stage)
        process = start("run", config(folder, run.name), "--stage", stage)
        alive = wait_for(lambda had=had: commits(run, stage) > had, process, 120)
        if alive:
            time.sleep(moments.uniform(0, 0.3))
            alive = process.poll() is None
        process.kill()
        process.wait()
        after = shards(run)
        changed = {name for name, print_ in before.items() if after.get(name) != print_}
        assert not changed, f"committed files were touched: {changed}"
        died += alive
        if died == KILLS:
            return
    raise AssertionError(f"{stage} ended before it could be killed {KILLS} times: give it more")


@pytest.mark.timeout(900)
def test_killed_inside_decoding_and_inside_execution(folder: Path, undisturbed: Path) -> None:
    run = folder / "killed"
    succeed("run", config(folder, "killed"), "--stage", "load")
    kill_often(folder, run, "sample", seed=1)
    succeed("run", config(folder, "killed"), "--stage", "sample")
    kill_often(folder, run, "execute", seed=2)
    succeed("run", config(folder, "killed"))
    found, expected = tables(run), tables(undisturbed)
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        assert found[name].equals(table), f"{name} differs from the undisturbed run"


def test_a_second_writer_is_refused(folder: Path) -> None:
    path = config(folder, "twice")
    run = folder / "twice"
    first = start("run", path)
    try:
        assert wait_for(lambda: commits(run, "load") > 0, first, 120)
        second = forkeval("run", path)
        assert second.returncode == 2
        assert str(first.pid) in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1
    finally:
        first.kill()
        first.wait()
