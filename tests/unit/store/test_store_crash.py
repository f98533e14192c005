"""Killed at any file operation, the same command ends with the tables of an undisturbed run."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faulty_disk import NEEDS_ROOM, CountingDisk, FullDisk, ShortDisk
from store_workload import ROWS, ROWS_PER_SHARD, candidate, committed, config, content, work

from pipeline.records import UserError
from pipeline.store import StageTables, Store
from pipeline.store.disk import Disk

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def undisturbed(quick_path: Path) -> dict[str, list[str]]:
    work(quick_path / "undisturbed", Disk(), lambda stage, key: None)
    found = content(quick_path / "undisturbed")
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(
        ("calls", "candidates", "programs", "verdicts"), ROWS
    )
    return found


def operations(quick_path: Path) -> list[str]:
    disk = CountingDisk()
    work(quick_path / "counted", disk, lambda stage, key: None)
    return disk.log


@pytest.mark.parametrize("mode", ["kill", "power"])
def test_killed_at_every_operation(
    mode: str, quick_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    count = len(operations(quick_path))
    driver = Path(__file__).with_name("crash_driver.py")
    ran = subprocess.run(
        [sys.executable, str(driver), str(quick_path), mode],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    outcomes: list[dict[str, Any]] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [outcome["at"] for outcome in outcomes] == list(range(count))
    for outcome in outcomes:
        where = f"operation {outcome['at']}: {ran.stderr}"
        assert outcome["code"] == 9, where
        assert outcome["again"] == 0, where
        assert outcome["kept"], where
        assert outcome["content"] == undisturbed, where
        assert outcome["unlisted"] == [], where
        assert all(rows <= ROWS_PER_SHARD for rows in outcome["redone"].values()), where
    if mode == "power":  # so that the test sees losses at all
        assert any(outcome["redone"] for outcome in outcomes)


def test_interrupted_at_every_operation(
    quick_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    """Ctrl-C in this very process: what is waiting is stored on the way out."""
    for at in range(len(operations(quick_path))):
        times = Counter[str]()

        def computed(stage: str, key: object, times: Counter[str] = times) -> None:
            times[f"{stage} {key}"] += 1

        run = quick_path / f"run{at}"
        with pytest.raises(KeyboardInterrupt):
            work(run, CountingDisk(at, interrupt), computed)
        before = committed(run) if (run / "run.json").exists() else {}
        work(run, Disk(), computed)
        after = committed(run)
        assert {name: after[name] for name in before} == before
        assert content(run) == undisturbed
        repeated = sum(times.values()) - len(times)
        assert repeated <= ROWS_PER_SHARD
        shutil.rmtree(run)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.fixture
def steps(quick_path: Path) -> int:
    """How many file operations the first commit of a stage has."""
    disk = CountingDisk()
    with Store.create(quick_path / "probe", config(), disk) as store:
        before = disk.count
        store.stage("sample", "5a5a").commit([candidate(i) for i in range(4)])
        return disk.count - before


def test_interrupted_commit_is_completed_on_the_way_out(quick_path: Path, steps: int) -> None:
    for at in range(steps):
        disk = CountingDisk()
        with Store.create(quick_path / f"{at}", config(), disk) as store:
            tables = store.stage("sample", "5a5a")
            disk.at, disk.fault = disk.count + at, interrupt
            with pytest.raises(KeyboardInterrupt):
                add_all(store, tables)
            assert len(list(tables.records("candidates"))) == 4
            tables.commit([candidate(9)])  # the handle goes on
        assert len(content(quick_path / f"{at}")["candidates"]) == 5


def test_another_commit_after_an_interrupted_one(quick_path: Path, steps: int) -> None:
    """What the interrupted one left is kept whole or not at all, never written over."""
    found = set()
    for at in range(steps):
        run, disk = quick_path / f"{at}", CountingDisk()
        with Store.create(run, config(), disk) as store:
            tables = store.stage("sample", "5a5a")
            disk.at, disk.fault = disk.count + at, interrupt
            with pytest.raises(KeyboardInterrupt):
                tables.commit([candidate(i) for i in range(4)])
            before = committed(run)
            tables.commit([candidate(9)])
            rows = [row.text for row in tables.records("candidates")]
        after = committed(run)
        assert {name: after[name] for name in before} == before
        assert len(content(run)["candidates"]) == len(rows)
        found.add(len(rows))
    assert found == {1, 5}


def add_all(store: Store, tables: StageTables) -> None:
    with store.writer(tables) as writer:
        for index in range(ROWS):
            writer.add(candidate(index))


@pytest.mark.parametrize("times", [1, float("inf")])
def test_full_at_every_operation(
    times: float, quick_path: Path, undisturbed: dict[str, list[str]]
) -> None:
    """Full once (the reserve helps), or for good; a later run on a roomy disk ends the same."""
    saved = 0
    last = max(i for i, name in enumerate(operations(quick_path)) if name in NEEDS_ROOM)
    for at in range(last + 1):
        run = quick_path / f"run{at}"
        disk = FullDisk(at, times)
        try:
            work(run, disk, lambda stage, key: None)
            assert times == 1, "a disk that stays full is an error"
        except UserError as error:
            text = str(error)
            assert str(run) in text or str(run.parent) in text
            assert "disk is full" in text
            assert "run the same command again" in text
            saved += "nothing computed is lost" in text
        if (run / "run.json").exists():
            content(run)  # what is visible is whole
        work(run, Disk(), lambda stage, key: None)
        assert content(run) == undisturbed
        shutil.rmtree(run)
    if times == 1:
        assert saved > 20, "the reserve took the rows that found no room"


def test_short_writes(quick_path: Path, undisturbed: dict[str, list[str]]) -> None:
    work(quick_path / "run", ShortDisk(), lambda stage, key: None)
    assert content(quick_path / "run") == undisturbed


def test_another_fault_names_the_directory(quick_path: Path) -> None:
    def broken() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    disk = CountingDisk()
    with Store.create(quick_path / "run", config(), disk) as store:
        disk.at, disk.fault = disk.count + 1, broken
        expected = re.escape(f"{quick_path / 'run'}: cannot write: Input/output error")
        with pytest.raises(UserError, match=expected):
            store.stage("sample", "5a5a").commit([candidate(0)])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(mount)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {made.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    """Nothing computed is lost, and the same command goes on once there is room."""
    run = small_disk / "run"
    computed: list[int] = []

    def sample() -> None:
        with Store.create(run, config(), reserve_bytes=32 << 10) as store:
            tables = store.begin("sample", "5a5a", {})
            have = tables.keys("candidates")
            with store.writer(tables) as writer:
                for index in range(200):
                    if tuple(candidate(index).key) not in have:
                        computed.append(index)
                        writer.add(candidate(index))

    with pytest.raises(UserError, match=r"the disk is full.*nothing computed is lost") as caught:
        sample()
    assert str(run) in str(caught.value)
    before = committed(run)
    stored = len(content(run)["candidates"])
    assert stored == len(computed)
    assert 0 < stored < 200
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    sample()
    assert len(content(run)["candidates"]) == 200
    assert computed == list(range(200)), "each computed once"
    after = committed(run)
    assert {name: after[name] for name in before} == before
