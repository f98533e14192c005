"""One writer a run directory, shown with real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_workload import config

from pipeline.records import UserError
from pipeline.store import Store

ROOT = Path(__file__).resolve().parents[3]

HOLD = """
import os, sys, time
from pathlib import Path
from pipeline.config import RunConfig
from pipeline.store import Store
store = Store.create(Path(sys.argv[1]), RunConfig())
child = 0
if sys.argv[2:] == ["fork"]:
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(1)
        os.write(there, b"running")
        time.sleep(60)
        os._exit(0)
    os.read(here, 7)
print(child, flush=True)
time.sleep(60)
"""


def hold(path: Path, *arguments: str) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the run at `path`, and the pid of its child if it forks one."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    return holder, int(holder.stdout.readline())


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process, _ = hold(tmp_path / "run")
    yield process
    process.kill()
    process.wait()


def test_the_second_process_is_refused(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    for refused in (lambda p: Store.create(p, config()), Store.open):
        with pytest.raises(UserError, match=f"in use by process {holder.pid}:") as caught:
            refused(tmp_path / "run")
        assert "\n" not in str(caught.value)
    with Store.open(tmp_path / "run", read_only=True) as store:  # looking is free
        assert store.stages() == []


def test_a_killed_holder_is_no_obstacle(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with Store.open(tmp_path / "run"):
        assert json.loads((tmp_path / "run/run.lock").read_text())["pid"] == os.getpid()


def test_a_child_of_a_killed_holder_is_no_obstacle(tmp_path: Path) -> None:
    process, child = hold(tmp_path / "run", "fork")
    try:
        with pytest.raises(UserError, match=f"process {process.pid}"):
            Store.open(tmp_path / "run")
        process.kill()
        process.wait()
        os.kill(child, 0)  # it lives
        Store.open(tmp_path / "run").close()
    finally:
        process.kill()
        process.wait()
        os.kill(child, signal.SIGKILL)


def test_one_process_cannot_write_twice(tmp_path: Path) -> None:
    with (
        Store.create(tmp_path / "run", config()),
        pytest.raises(UserError, match=f"process {os.getpid()}"),
    ):
        Store.open(tmp_path / "run")
    Store.open(tmp_path / "run").close()


def test_a_refused_start_leaves_no_lock(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="holds other files"):
        Store.create(tmp_path, config())
    (tmp_path / "mine").unlink()
    Store.create(tmp_path, config()).close()
