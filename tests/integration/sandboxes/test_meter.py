"""The runner's reading of control groups: live for the kind that this engine has, and over fixture
trees of both layouts with the very binary that sandboxes run (v2 has not been run live here)."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from pipeline.doctor import control_groups
from sandboxes import images, languages, meter
from sandboxes.meter import Readings

pytestmark = pytest.mark.docker

V1_OOM = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
V2_CPU = "usage_usec 123456\nuser_usec 100000\nsystem_usec 23456\nnr_periods 0\n"
V2_EVENTS = "low 0\nhigh 0\nmax 12\noom 5\noom_kill 4\noom_group_kill 0\n"
TREES = {
    "v1": (
        {"cpuacct/cpuacct.usage": "123456789\n", "memory/memory.usage_in_bytes": "4096\n",
         "memory/memory.oom_control": V1_OOM},
        Readings("v1", 123456, 4096, 3),
    ),
    "v1 with joint controllers": (
        {"cpu,cpuacct/cpuacct.usage": "2000\n", "memory/memory.usage_in_bytes": "1\n",
         "memory/memory.oom_control": V1_OOM},
        Readings("v1", 2, 1, 3),
    ),
    "v1 before Linux 4.13, which counts no kills": (
        {"cpuacct/cpuacct.usage": "1000\n", "memory/memory.usage_in_bytes": "1\n",
         "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n"},
        Readings("v1", 1, 1, -1),
    ),
    "v2": (
        {"cgroup.controllers": "cpu memory pids\n", "cpu.stat": V2_CPU,
         "memory.current": "8192\n", "memory.events": V2_EVENTS},
        Readings("v2", 123456, 8192, 4),
    ),
    "v2 without the memory controller": (
        {"cgroup.controllers": "cpu pids\n", "cpu.stat": V2_CPU},
        Readings("v2", 123456, -1, -1),
    ),
    "v2 beside v1, as systemd's hybrid layout has it": (
        {"unified/cgroup.controllers": "", "cpuacct/cpuacct.usage": "5000\n",
         "memory/memory.usage_in_bytes": "7\n", "memory/memory.oom_control": V1_OOM},
        Readings("v1", 5, 7, 3),
    ),
    "a value past 32 bits": (
        {"cgroup.controllers": "", "cpu.stat": "usage_usec 99999999999\n",
         "memory.current": "68719476736\n", "memory.events": "oom_kill 0\n"},
        Readings("v2", 99999999999, 68719476736, 0),
    ),
    "nothing": ({"other": "x"}, Readings("none", -1, -1, -1)),
    "files that are empty": (
        {"cpuacct/cpuacct.usage": "", "memory/memory.usage_in_bytes": ""},
        Readings("v1", -1, -1, -1),
    ),
}  # fmt: skip


def _archive(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"tree/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture(scope="module")
def image(docker_client: Any) -> str:
    return images.inspect(docker_client, languages.get("python")).engine_id


@pytest.mark.parametrize("name", list(TREES))
def test_trees(name: str, docker_client: Any, image: str) -> None:
    files, expected = TREES[name]
    container = docker_client.containers.create(
        image, ["--meter", "/tmp/tree"], network_mode="none"
    )
    try:
        container.put_archive("/tmp", _archive(files))
        container.start()
        assert container.wait(timeout=60)["StatusCode"] == 0
        assert Readings.parse(container.logs()) == expected
    finally:
        container.remove(force=True)


def test_live(docker_client: Any, image: str) -> None:
    found = meter.read(docker_client, image)
    assert found.cgroup in ("v1", "v2")
    assert found.unread == []
    assert found.cpu_us > 0
    assert found.memory > 0
    assert found.oom_kills == 0


def test_doctor_says_which_it_found(docker_client: Any, image: str) -> None:
    found = control_groups()
    kind = meter.read(docker_client, image).cgroup
    assert (found.state, found.detail.split(":")[0]) == ("ok", f"cgroup {kind}")
