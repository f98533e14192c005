"""Running forkeval as a user does, and reading what a run left."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.records import TABLES
from pipeline.store import UPSTREAM, Store

COMMAND = [sys.executable, "-m", "pipeline.cli"]
ROOT = Path(__file__).resolve().parents[2]
# Rows of these tables are measurements as a whole: how long stretches of work took.
MEASUREMENTS = {"device_energy", "engine_events", "engine_steps", "stage_times"}


def forkeval(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    options = {"capture_output": True, "text": True, "timeout": 600} | options
    return subprocess.run([*COMMAND, *map(str, words)], check=False, **options)


def succeed(*words: str | Path, **options: Any) -> str:
    """Runs one command that must exit 0; returns what it printed on standard output."""
    done = forkeval(*words, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def start(*words: str | Path) -> subprocess.Popen[str]:
    """Starts one command in the background."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        # A shell's background job ignores Ctrl-C and hands that on: tests may run in one.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float) -> bool:
    """Waits until the condition holds; False when the process ended before."""
    until = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < until, "the run made no progress"
        time.sleep(0.01)
    return True


def shards(run: Path) -> dict[str, tuple[str, int]]:
    """Content hash and modification time (ns) of every committed file, by path in the run.

    A shard whose manifest a kill prevented is not committed: the next writer may replace it.
    """
    found: dict[str, tuple[str, int]] = {}
    for manifest in (run / "commits").rglob("*.json"):
        found[str(manifest.relative_to(run))] = fingerprint(manifest)
        for listed in json.loads(manifest.read_bytes())["shards"]:
            name = f"{listed['table']}/{manifest.parent.name}/{manifest.stem}.parquet"
            (shard,) = run.glob(f"*/{name}")
            found[str(shard.relative_to(run))] = fingerprint(shard)
    return found


def fingerprint(path: Path) -> tuple[str, int]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


def commits(run: Path, stage: str) -> int:
    """How many commits a stage has made."""
    return len(list((run / "commits").glob(f"{stage}[.-]*/*.json")))


def tables(run: Path) -> dict[str, pa.Table]:
    """Every table of the run's current rows, sorted by key, measurements left out."""
    with Store.open(run, read_only=True) as store:
        stages = [*map(store.current_parts, UPSTREAM), store.shared("execute")]
        return {
            name: comparable(name, stage.table(name))
            for stage in stages
            if stage is not None
            for name in stage.tables()
            if name not in MEASUREMENTS
        }


def comparable(name: str, table: pa.Table) -> pa.Table:
    kept = [column for column in table.column_names if not column.startswith("m_")]
    order = [(column, "ascending") for column in TABLES[name].KEY]
    sorted_table = table.select(kept).sort_by(order).combine_chunks()
    keys = sorted_table.select(TABLES[name].KEY).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == len(keys), f"{name}: a key occurs twice"
    return sorted_table
