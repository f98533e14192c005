"""The main job as a user runs it: stages, moving a run, growing it, an engine that goes away."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from tests.integration.runs import commits, forkeval, shards, start, succeed, tables, wait_for

pytestmark = pytest.mark.docker

CONFIG = """\
name: {name}
directory: {directory}
benchmarks: [{{name: mini, languages: [python, java, javascript], limit: {limit}}}]
sampling: {{n: {n}, max_new_tokens: 96, temperature: {temperature}}}
engine: {{threads: 1}}
store: {{rows_per_shard: 32, seconds_per_shard: 1}}
report: {{k: [1, 4], bootstrap: 200}}
"""


def config(folder: Path, name: str, n: int = 6, limit: int = 4, temperature: float = 0.8) -> Path:
    path = folder / f"{name}.yaml"
    values = {"name": name, "directory": folder, "n": n, "limit": limit}
    path.write_text(CONFIG.format(**values, temperature=temperature))
    return path


def long(folder: Path, name: str) -> Path:
    """A run whose execution takes seconds: hundreds of programs, few of them the same."""
    return config(folder, name, n=10, limit=10, temperature=1.6)


def test_all_stages_then_nothing_is_done_again(tmp_path: Path) -> None:
    path = config(tmp_path, "whole")
    printed = succeed("run", path)
    page = Path(printed.strip().splitlines()[-1])
    assert page.name == "report.html"
    metrics = json.loads((page.parent / "metrics.json").read_text())
    assert (metrics["problems"], metrics["samples"]) == (12, 72)
    assert metrics["environment"]["sample"]["events"]["plans"] > 0
    before = shards(tmp_path / "whole")
    succeed("run", path)
    after = shards(tmp_path / "whole")
    new = {name for name in after.keys() - before.keys() if "-shared/" not in name}
    assert not new, "the second run made rows again"
    assert all(after[name] == print_ for name, print_ in before.items())


def test_n_grows_by_the_missing_samples_alone(tmp_path: Path) -> None:
    succeed("run", config(tmp_path, "grown", n=4))
    before = shards(tmp_path / "grown")
    succeed("run", config(tmp_path, "grown", n=8))
    after = shards(tmp_path / "grown")
    assert all(after[name] == print_ for name, print_ in before.items())
    succeed("run", config(tmp_path, "at-once", n=8))
    grown, at_once = tables(tmp_path / "grown"), tables(tmp_path / "at-once")
    for name in ("calls", "candidates", "programs", "executions", "verdicts"):
        assert grown[name].equals(at_once[name]), name


def test_a_run_moves_between_machines(tmp_path: Path) -> None:
    here, there = tmp_path / "gpu", tmp_path / "cpu"
    here.mkdir()
    succeed("run", config(here, "moved"), "--stage", "load")
    # A machine without Docker: nothing listens at this address.
    nowhere = os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    succeed("run", config(here, "moved"), "--stage", "sample", env=nowhere)
    shutil.move(str(here), str(there))
    # A machine without the model: --from-stage execute asks for none.
    gone = ("--set", f"model.path={tmp_path}/no-model", "--from-stage", "execute")
    succeed("resume", there / "moved", *gone)
    succeed("run", config(tmp_path, "stayed"))
    moved, stayed = tables(there / "moved"), tables(tmp_path / "stayed")
    for name, table in stayed.items():
        assert moved[name].equals(table), name


def test_a_later_stage_refuses_rows_of_other_keys(tmp_path: Path) -> None:
    path = config(tmp_path, "changed")
    succeed("run", path, "--stage", "load")
    succeed("run", path, "--stage", "sample")
    refused = forkeval("run", path, "--from-stage", "execute", "--set", "sampling.temperature=0.5")
    assert refused.returncode == 2
    assert "keys of the sample stage have changed" in refused.stderr


def test_show_and_status_read_a_run(tmp_path: Path) -> None:
    succeed("run", config(tmp_path, "seen"))
    shown = succeed("show", tmp_path / "seen", "mini/python/Mini/0", "--sample", "0")
    assert "def problem():" in shown
    assert "sample 0:" in shown
    assert "72 candidates" in succeed("status", tmp_path / "seen")
    assert forkeval("show", tmp_path / "seen", "Mini/999").returncode == 2


class Gate:
    """A socket in front of the Docker engine that can be shut: what a stopped engine looks like."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                outer, _ = self._listener.accept()
            except OSError:
                return
            inner = socket.socket(socket.AF_UNIX)
            inner.connect("/var/run/docker.sock")
            self._open += [outer, inner]
            for source, target in ((outer, inner), (inner, outer)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # the gate was shut

    def shut(self) -> None:
        """No new connection, and every open one breaks."""
        self._listener.close()
        self.path.unlink()
        for end in self._open:
            with contextlib.suppress(OSError):  # the other side may have gone first
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    if not Path("/var/run/docker.sock").exists():
        pytest.skip("the engine is not at /var/run/docker.sock, where the gate leads")
    return Gate(tmp_path / "gate.sock")


def test_docker_stops_during_execution(tmp_path: Path, gate: Gate) -> None:
    path = long(tmp_path, "stopped")
    succeed("run", path, "--stage", "load")
    succeed("run", path, "--stage", "sample")
    run = tmp_path / "stopped"
    through = ("--set", f"execute.docker_host=unix://{gate.path}")
    process = start("run", path, "--stage", "execute", *through)
    assert wait_for(lambda: commits(run, "execute") > 0, process, 120)
    before = shards(run)
    gate.shut()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "Docker" in output.splitlines()[-1]
    after = shards(run)
    assert all(after[name] == print_ for name, print_ in before.items())
    succeed("run", path)
    succeed("run", long(tmp_path, "undisturbed"))
    stopped, undisturbed = tables(run), tables(tmp_path / "undisturbed")
    assert stopped["verdicts"].equals(undisturbed["verdicts"])


def test_containers_killed_from_outside(tmp_path: Path) -> None:
    path = long(tmp_path, "shot")
    succeed("run", path, "--stage", "load")
    succeed("run", path, "--stage", "sample")
    run = tmp_path / "shot"
    process = start("run", path, "--stage", "execute")
    assert wait_for(lambda: commits(run, "execute") > 0, process, 120)
    client = docker.from_env()
    killed = 0
    for container in client.containers.list(filters={"label": "forkeval.owner"}):
        if container.labels["forkeval.owner"].split(":")[0] == str(process.pid):
            with contextlib.suppress(docker.errors.APIError):  # the pool gave it up meanwhile
                container.kill()
                killed += 1
    assert killed
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    succeed("run", long(tmp_path, "calm"))
    shot, calm = tables(run), tables(tmp_path / "calm")
    assert shot["verdicts"].equals(calm["verdicts"])


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(tmp_path: Path, sign: signal.Signals) -> None:
    path = long(tmp_path, "stopped")
    run = tmp_path / "stopped"
    process = start("run", path)
    assert wait_for(lambda: commits(run, "execute") > 0, process, 120)
    process.send_signal(sign)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "goes on where it was" in output.splitlines()[-1]
    before = shards(run)
    succeed("run", path)
    after = shards(run)
    assert all(after[name] == print_ for name, print_ in before.items())
    succeed("run", long(tmp_path, "undisturbed"))
    found, expected = tables(run), tables(tmp_path / "undisturbed")
    for name, table in expected.items():
        assert found[name].equals(table), name


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for the store's reserve and little more."""
    place = tmp_path / "small"
    place.mkdir()
    size = f"size={(16 << 20) + (160 << 10)}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "forkeval-test", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine lets us mount no tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    path = config(small_disk, "full", n=60)
    full = forkeval("run", path)
    assert full.returncode == 2
    assert "full" in full.stderr.splitlines()[-1]
    before = shards(small_disk / "full")
    assert before
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    succeed("run", path)
    after = shards(small_disk / "full")
    assert all(after[name] == print_ for name, print_ in before.items())
    succeed("run", config(tmp_path, "roomy", n=60))
    found, expected = tables(small_disk / "full"), tables(tmp_path / "roomy")
    for name, table in expected.items():
        assert found[name].equals(table), name
