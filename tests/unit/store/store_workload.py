"""Rows, strategies and a three-stage workload for the tests of the store."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

from pipeline.config import BenchmarkConfig, RunConfig, StoreConfig
from pipeline.records import TABLES, Call, Candidate, Program, Record, VerdictRow
from pipeline.store import StageTables, Store
from pipeline.store.disk import Disk

ROWS_PER_SHARD = 4
ROWS = 10  # two full shards and a rest in every stage
RESERVE = 4096


def candidate(index: int, tokens: int = 3) -> Candidate:
    return Candidate(
        "mini",
        "python",
        f"mini/{index // 5}",
        index % 5,
        f"    return {index}\n",
        tuple(range(index, index + tokens)),
        tuple(range(tokens)),
        tuple(-0.5 * i for i in range(tokens)),
        tuple(-0.25 * i for i in range(tokens)),
        "stop",
        "\ndef",
    )


def call(index: int) -> Call:
    c = candidate(index)
    return Call(
        *c.key, "candidate", 0, ("a", "b"), f"{index:08x}", 100, 10, 20, 3, 1e9 / 3, 2.5e8
    )  # fmt: skip


def program(c: Candidate) -> Program:
    return Program(
        *c.key, c.text, hashlib.sha256(c.text.encode()).hexdigest(), 3, "python-1", "stop"
    )


def verdict(p: Program) -> VerdictRow:
    key = (p.dataset, p.language, p.task_id, p.sample_index)
    return VerdictRow(*key, p.program_hash, "t", "passed", "completed", 1, "passed")


def config() -> RunConfig:
    return RunConfig(
        benchmarks=(BenchmarkConfig(name="mini"),),
        store=StoreConfig(rows_per_shard=ROWS_PER_SHARD, seconds_per_shard=1000),
    )


def record_strategy(record: type[Record]) -> st.SearchStrategy[Any]:
    """Any record of a type, built from its annotations; floats as wide as their column."""
    hints = typing.get_type_hints(record)
    return st.builds(
        record, **{f.name: _value(hints[f.name], False) for f in dataclasses.fields(record)}
    )


def _value(annotation: Any, in_list: bool) -> st.SearchStrategy[Any]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(_value(a, False) for a in arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_value(arguments[0], True), max_size=6).map(tuple)
    bits = 31 if in_list else 63
    return {
        str: st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        int: st.integers(-(2**bits), 2**bits - 1),
        float: st.floats(width=32 if in_list else 64, allow_nan=False),
        bool: st.booleans(),
        type(None): st.none(),
    }[annotation]


def unique(rows: list[Any]) -> list[Any]:
    """`rows` without those that repeat a key."""
    return list({tuple(getattr(r, name) for name in r.KEY): r for r in rows}.values())


def work(path: Path, disk: Disk, computed: Callable[[str, Any], None]) -> None:
    """Three stages over the same keys; tells `computed` of every row before it is stored."""
    with Store.create(path, config(), disk, RESERVE) as store:
        sampled = store.begin("sample", "5a5a", {"device": "cpu"})
        with store.writer(sampled) as writer:
            have = sampled.keys("candidates")
            for index in range(ROWS):
                if tuple(candidate(index).key) not in have:
                    computed("sample", candidate(index).key)
                    writer.add(call(index), candidate(index))
        truncated = store.begin("truncate", "7272", {}, sampled)
        _stage(store, truncated, sampled.records("candidates"), "programs", program, computed)
        judged = store.begin("execute", "e0e0", {}, truncated)
        _stage(store, judged, truncated.records("programs"), "verdicts", verdict, computed)


def _stage(
    store: Store,
    tables: StageTables,
    rows: Iterator[Any],
    name: str,
    make: Callable[[Any], Record],
    computed: Callable[[str, Any], None],
) -> None:
    have = tables.keys(name)
    with store.writer(tables) as writer:
        for row in rows:
            made = make(row)
            key = tuple(getattr(made, column) for column in made.KEY)
            if key not in have:
                computed(tables.stage, key)
                writer.add(made)


def content(path: Path) -> dict[str, list[str]]:
    """Every row of every table of a run, sorted; reads as another process would."""
    with Store.open(path, read_only=True) as store:
        found: dict[str, list[str]] = {}
        for tables in store.stages():
            for name in tables.tables():
                rows = [repr(row) for row in tables.records(name)]
                assert len(set(tables.keys(name))) == len(rows), "a key occurs twice"
                found.setdefault(name, []).extend(rows)
    return {name: sorted(rows) for name, rows in found.items()}


def committed(path: Path) -> dict[str, tuple[str, int]]:
    """Hash and modification time of every committed shard."""
    found = {}
    with Store.open(path, read_only=True) as store:
        for tables in store.stages():
            for name in tables.tables():
                for shard in tables.shards(name):
                    file = tables.path(shard)
                    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
                    relative = str(file.relative_to(path))
                    found[relative] = (sha256, os.stat(file).st_mtime_ns)
    return found


def unlisted(path: Path) -> list[str]:
    """Files among the tables that no manifest names."""
    listed = set(committed(path))
    files = (str(p.relative_to(path)) for p in path.glob("tables/**/*") if p.is_file())
    return sorted(set(files) - listed)


EVERY_RECORD = sorted(TABLES)
