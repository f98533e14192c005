"""The Docker engine: connecting to it, and telling its faults apart."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions

from pipeline.records import UserError

# What the client raises when the engine goes away, as opposed to an answer that says no.
GONE = (
    requests.exceptions.ConnectionError,
    requests.exceptions.ReadTimeout,
    requests.exceptions.ChunkedEncodingError,
    ConnectionError,
)


def connect(docker_host: str | None = None, timeout: float = 60) -> Any:
    """A client of the engine at `docker_host`, else DOCKER_HOST, else the local one.

    Raises UserError with the fix where none answers.
    """
    address = docker_host or os.environ.get("DOCKER_HOST")
    try:
        if docker_host:
            client = docker.DockerClient(base_url=docker_host, version="auto", timeout=int(timeout))
        else:
            client = docker.from_env(version="auto", timeout=int(timeout))
        client.ping()
    except (docker.errors.DockerException, *GONE) as error:
        raise UserError(
            f"no Docker engine answers at {address or 'the local socket'}: start it, or set"
            " execute.docker_host or DOCKER_HOST; on Debian as root sandboxes/docker_engine.sh"
            f" installs and starts one ({_first_line(error)})"
        ) from error
    return client


def answers(client: Any) -> bool:
    """Whether the engine still answers."""
    try:
        return bool(client.ping())
    except (docker.errors.DockerException, *GONE):
        return False


def takes_connections(docker_host: str | None) -> bool:
    """Whether the engine takes a new connection: one that is stopping still answers on old ones."""
    try:
        connect(docker_host, timeout=10).close()
    except UserError:
        return False
    return True


def stopped() -> UserError:
    """The error of a run whose engine went away in the middle."""
    return UserError(
        "Docker stopped answering during the run: start it again (sandboxes/docker_engine.sh), then"
        " run the same command; what was executed before is kept"
    )


@contextmanager
def speaking(client: Any, doing: str) -> Iterator[None]:
    """Turns the engine's faults into UserErrors that say what was being done."""
    try:
        yield
    except GONE as error:
        raise stopped() from error
    except docker.errors.DockerException as error:
        if not answers(client):
            raise stopped() from error
        raise UserError(f"Docker refused while {doing}: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def owner() -> dict[str, str]:
    """Labels that say which process a container belongs to."""
    return {"forkeval.host": _host(), "forkeval.owner": f"{os.getpid()}:{_started(os.getpid())}"}


def _host() -> str:
    """This machine and boot; another machine's processes cannot be looked up from here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}:{boot}"


def _started(pid: int) -> str:
    """When a process started, so that a number used again is not taken for it; "" if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def reap(client: Any) -> int:
    """Removes containers of processes of this machine that are gone; returns how many."""
    removed = 0
    for container in client.containers.list(
        all=True, filters={"label": f"forkeval.host={_host()}"}, ignore_removed=True
    ):
        pid, _, started = container.labels.get("forkeval.owner", "").partition(":")
        if pid.isdigit() and _started(int(pid)) == started:
            continue
        try:
            container.remove(force=True)
            removed += 1
        except docker.errors.NotFound:
            pass  # it ended by itself meanwhile
        except docker.errors.APIError as error:
            if error.status_code != 409:  # 409: its removal is already in progress
                raise
    return removed
