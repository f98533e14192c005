"""What programs may leave behind, seen from the host: in a sandbox that goes on, and after it.

Needs what root sees on the machine that the engine runs on.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Limits
from sandboxes import container
from sandboxes.pool import DockerExecutor, Way

JOB_USERS = range(20000, 60000)  # runner.h: FIRST_JOB_UID, JOB_UIDS
_SHARED = ("tmp", "var/tmp", "dev/shm", "dev/mqueue", "sandbox/job")


def processes(container_id: str) -> list[int]:
    """Processes in a container's control group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            if container_id in path.read_text():
                found.append(int(path.parent.name))
        except OSError:
            continue  # the process has ended
    return found


def _users_of(container_id: str) -> dict[int, int]:
    found = {}
    for pid in processes(container_id):
        try:
            found[pid] = os.stat(f"/proc/{pid}").st_uid
        except OSError:
            continue
    return found


def left_inside(container_id: str, pid: int) -> list[str]:
    """What is left in a running sandbox between jobs: processes, files, System V objects."""
    found = [
        f"process {p} of user {u}" for p, u in _users_of(container_id).items() if u in JOB_USERS
    ]
    for folder in _SHARED:
        place = Path(f"/proc/{pid}/root/{folder}")
        found += [f"/{folder}/{path.name}" for path in place.iterdir()] if place.exists() else []
    # A name space's own tables are those of whoever opens them.
    command = ["nsenter", "-i", "-t", str(pid), "sh", "-c", "tail -q -n +2 /proc/sysvipc/*"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return found + [f"System V object {line}" for line in said.splitlines()]


def left_behind(client: Any, container_id: str) -> list[str]:
    """What is left of a container that was removed: itself, processes, groups, mounts, files."""
    found = [c.id for c in client.containers.list(all=True, filters={"id": container_id})]
    found += [f"process {pid}" for pid in processes(container_id)]
    if container_id in Path("/proc/self/mountinfo").read_text():
        found.append("a mount")
    groups = Path("/sys/fs/cgroup")
    found += [str(path) for path in groups.glob(f"**/{container_id}") if path.is_dir()]
    root = Path(client.info()["DockerRootDir"])
    found += [str(path) for path in (root / "containers").glob(container_id)]
    return found


def files_of_jobs() -> set[str]:
    """Files on the host that belong to a job's user, in the places where all may write."""
    return {
        str(path) for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run") for path in _owned(folder)
    }


def _owned(folder: str) -> Iterator[Path]:
    for path in Path(folder).iterdir():
        try:
            if path.lstat().st_uid in JOB_USERS:
                yield path
        except OSError:
            continue  # gone between the listing and the look


class Watch:
    """Makes pools, and knows every sandbox that they start."""

    def __init__(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client = client
        self._clients: list[Any] = []
        self.started: list[str] = []
        begin = container.Sandbox.__init__

        def note(sandbox: container.Sandbox, client: Any, *rest: Any) -> None:
            begin(sandbox, client, *rest)
            if client in self._clients:
                self.started.append(sandbox.id)

        monkeypatch.setattr(container.Sandbox, "__init__", note)
        self._before = files_of_jobs()

    def pool(self, limits: Limits, workers: int, way: Way = "warm") -> DockerExecutor:
        made = DockerExecutor(limits, workers, way=way)
        self._clients.append(made._client)
        return made

    def left_now(self) -> list[str]:
        """What jobs left in the sandboxes that still run; [] between jobs."""
        found = []
        for name in self.started:
            state = next(iter(self._client.containers.list(filters={"id": name})), None)
            if state is not None:
                pid = self._client.api.inspect_container(name)["State"]["Pid"]
                found += [f"{name[:12]}: {what}" for what in left_inside(name, pid)]
        return found

    def left_at_the_end(self) -> list[str]:
        """What is left when every pool is closed."""
        found = [what for name in self.started for what in left_behind(self._client, name)]
        return found + sorted(files_of_jobs() - self._before)
