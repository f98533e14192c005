"""Writers that buffer, followers that wait, on real threads."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_disk import CountingDisk
from store_workload import call, candidate, config

from pipeline.records import Candidate, EngineStep, Part, UserError
from pipeline.store import PartedTables, StageTables, Store, Writer


@pytest.fixture
def store(quick_path: Path) -> Iterator[Store]:
    with Store.create(quick_path / "run", config()) as opened:
        yield opened


@pytest.fixture
def tables(store: Store) -> StageTables:
    return store.begin("sample", "5a5a", {})


PARTS = (Part("mini", "python"), Part("mini", "java"))


def parted(store: Store) -> PartedTables:
    return store.begin_parts("sample", "5a5a", {}, {part: ("aa", {}) for part in PARTS})


def java(index: int) -> Candidate:
    return dataclasses.replace(candidate(index), language="java")


def test_shards_by_rows(tables: StageTables) -> None:
    with Writer(tables, 4, 1000) as writer:
        for index in range(10):
            assert len(tables.shards("candidates")) == index // 4
            writer.add(candidate(index), call(index))
    assert [shard.rows for shard in tables.shards("candidates")] == [4, 4, 2]
    assert [shard.rows for shard in tables.shards("calls")] == [4, 4, 2]


def test_shards_by_time_even_while_no_row_comes(tables: StageTables) -> None:
    started = time.monotonic()
    with Writer(tables, 1000, 0.2) as writer:
        writer.add(candidate(0))
        while not tables.shards("candidates") and time.monotonic() - started < 20:
            time.sleep(0.02)
        waited = time.monotonic() - started
        writer.add(candidate(1))
        assert len(tables.shards("candidates")) == 1
    assert 0.2 <= waited < 20
    assert len(tables.shards("candidates")) == 2


def test_a_fault_keeps_what_came_before(tables: StageTables) -> None:
    def stage() -> None:
        with Writer(tables, 4, 1000) as writer:
            for index in range(6):
                writer.add(candidate(index))
                _ = 1 // (5 - index)

    with pytest.raises(ZeroDivisionError):
        stage()
    assert len(list(tables.records("candidates"))) == 6


def test_many_threads_write(tables: StageTables) -> None:
    with Writer(tables, 7, 0.05) as writer:

        def some(start: int) -> None:
            for index in range(start, 200, 8):
                writer.add(candidate(index), call(index))

        threads = [threading.Thread(target=some, args=(start,)) for start in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = sorted(tables.records("candidates"), key=lambda row: int(row.text.split()[1]))
    assert found == [candidate(i) for i in range(200)]
    assert tables.tables() == {"calls": 200, "candidates": 200}


def test_a_fault_of_the_clock_reaches_the_user(quick_path: Path) -> None:
    disk = CountingDisk()

    def broken() -> None:
        raise OSError(5, "Input/output error")

    with Store.create(quick_path / "other", config(), disk) as store:
        tables = store.begin("sample", "5a5a", {})
        disk.at, disk.fault = disk.count, broken

        def stage() -> None:
            with Writer(tables, 1000, 0.05) as writer:
                writer.add(candidate(0))
                deadline = time.monotonic() + 20
                while disk.count <= disk.at and time.monotonic() < deadline:
                    time.sleep(0.02)
                time.sleep(0.2)  # until the clock has noted its failure
                writer.add(candidate(1))

        with pytest.raises(UserError, match="Input/output"):
            stage()
        kept = [row.sample_index for row in tables.records("candidates")]
        assert kept == [0], "the row that the clock could not store was stored on the way out"


def test_a_follower_sees_every_shard_of_every_part_once(store: Store) -> None:
    tables = parted(store)
    tables.commit([candidate(0)])
    seen: list[list[int]] = []
    taken = threading.Semaphore(0)

    def follow() -> None:
        for rows in tables.follow("candidates"):
            seen.append([row.sample_index + 5 * int(row.task_id[5:]) for row in rows])
            taken.release()

    thread = threading.Thread(target=follow)
    thread.start()
    assert taken.acquire(timeout=20)
    for index in range(1, 4):
        rows = [candidate(2 * index), candidate(2 * index + 1)]
        tables.commit([java(2 * index), java(2 * index + 1)] if index == 2 else rows)
        assert taken.acquire(timeout=20), "a shard comes as soon as it is committed"
    tables.commit([call(0)])  # another table: nothing to see
    tables.finish()
    thread.join(20)
    assert not thread.is_alive()
    assert seen == [[0], [2, 3], [4, 5], [6, 7]]
    assert sorted(len(rows) for rows in tables.follow("candidates")) == [1, 2, 2, 2]
    assert list(tables.follow("programs")) == []


def test_rows_go_to_their_part(store: Store) -> None:
    tables = parted(store)
    step = EngineStep("s", 0, "decode", 1, 1, 1, "cpu", 0.5)
    with store.writer(tables) as writer:
        writer.add(candidate(0), java(0), call(0), step)
    assert tables.tables() == {"calls": 1, "candidates": 2, "engine_steps": 1}
    assert [part.tables() for part in tables.parts.values()] == [
        {"calls": 1, "candidates": 1},
        {"candidates": 1},
    ]
    assert tables.keys("candidates") == {(*candidate(0).key,), (*java(0).key,)}
    assert tables.table("candidates", ["language"]).num_rows == 2
    other = dataclasses.replace(candidate(0), dataset="mbxp")
    with pytest.raises(ValueError, match="sample: mbxp/python is no part of this run"):
        tables.commit([other])


def test_a_chain_of_followers(store: Store) -> None:
    """Three stages at once: each ends because the one above it ended."""
    parts = {part: ("aa", {}) for part in PARTS}
    first, second, third = (store.begin_parts(s, "aa", {}, parts) for s in ("a", "b", "c"))

    def copy(source: PartedTables, target: PartedTables) -> None:
        try:
            for rows in source.follow("candidates"):
                target.commit(rows)
        finally:
            target.finish()

    threads = [
        threading.Thread(target=copy, args=pair) for pair in ((first, second), (second, third))
    ]
    for thread in threads:
        thread.start()
    with store.writer(first) as writer:
        for index in range(30):
            writer.add(candidate(index), java(index))
    first.finish()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert list(third.parts[PARTS[0]].records("candidates")) == [candidate(i) for i in range(30)]
    assert list(third.parts[PARTS[1]].records("candidates")) == [java(i) for i in range(30)]


def test_closing_the_store_ends_followers(quick_path: Path) -> None:
    with Store.create(quick_path / "other", config()) as store:
        tables = parted(store)
        thread = threading.Thread(target=lambda: list(tables.follow("candidates")))
        thread.start()
    thread.join(20)
    assert not thread.is_alive()


def test_waiting_takes_no_processor_time(store: Store) -> None:
    tables = parted(store)
    used: list[float] = []

    def follow() -> None:
        started = time.thread_time()
        list(tables.follow("candidates"))
        used.append(time.thread_time() - started)

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.5)
    tables.finish()
    thread.join(20)
    assert used[0] < 0.05
