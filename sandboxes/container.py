"""One sandbox: a hardened container whose PID 1 is the runner, spoken to over a stream."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

import docker.errors

from pipeline.records import Limits
from sandboxes import engine
from sandboxes.frames import Frames
from sandboxes.images import Image
from sandboxes.languages import Language
from sandboxes.protocol import Answer, ProtocolError, Request, parse_status, read_message

_RECEIVED = 1 << 16  # bytes asked of the engine at once: most answers are a fraction of it
_START_SECONDS = 60
_SLACK_SECONDS = 60  # beyond a job's limits, for killing, wiping and a warm process's start
_STDERR_KEPT = 8192


class SandboxDied(Exception):
    """The container ended, or said something that the runner never says.

    `out_of_memory`: the kernel killed a part of it for memory.
    """

    def __init__(self, why: str, out_of_memory: bool = False) -> None:
        super().__init__(why)
        self.out_of_memory = out_of_memory


def host_config(client: Any, language: Language, limits: Limits, runtime: str | None) -> Any:
    """How a sandbox is confined; one place for all of it."""
    memory = (limits.memory_mib + language.reserve.memory_mib) << 20
    disk = f"size={limits.disk_mib}m,nr_inodes=16384,nosuid,nodev"
    return client.api.create_host_config(
        network_mode="none",
        read_only=True,
        tmpfs={
            "/sandbox": f"exec,mode=0711,{disk}",
            "/tmp": f"exec,mode=1777,{disk}",
            "/var/tmp": f"noexec,mode=1777,{disk}",
            "/dev/shm": f"noexec,mode=1777,{disk}",
        },
        cap_drop=["ALL"],
        # For the runner: to become the job's user, to kill what that user leaves, and to give it
        # its directory. The job's own processes have none.
        cap_add=["SETUID", "SETGID", "KILL", "CHOWN"],
        security_opt=["no-new-privileges:true"],
        # The job's own limit is RLIMIT_NPROC: the runner must be able to fork when it is used up.
        pids_limit=limits.pids + language.reserve.pids + 8,
        mem_limit=memory,
        memswap_limit=memory,
        nano_cpus=1_000_000_000,
        ipc_mode="private",
        log_config={"type": "none"},
        auto_remove=True,
        runtime=runtime,
    )


class Sandbox:
    """A running container that takes one job at a time.

    Raises SandboxDied from any method when the container is gone; the caller asks the engine
    whether it is the engine that went.
    """

    def __init__(
        self, client: Any, image: Image, language: Language, limits: Limits, runtime: str | None
    ) -> None:
        self.language = language
        self._client = client
        self._frames = Frames()
        self._said, self._errors = bytearray(), bytearray()
        self._working = threading.Lock()  # held while a job is under way
        self.jobs = 0  # done since the warm processes were started
        made = client.api.create_container(
            image.engine_id,
            stdin_open=True,
            environment={
                "HOME": "/sandbox/job",
                "TMPDIR": "/tmp",
                "LANG": "C.UTF-8",
                **language.environment,
            },
            labels=engine.owner() | {"forkeval.language": language.name},
            host_config=host_config(client, language, limits, runtime),
            network_disabled=True,
            hostname="sandbox",
        )
        self.id: str = made["Id"]
        try:
            streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._stream = client.api.attach_socket(self.id, params=streams)
            self._socket = getattr(self._stream, "_sock", self._stream)
            client.api.start(self.id)
            self._deadline = time.monotonic() + _START_SECONDS
            hello = self._read_message()
            self.cgroup = parse_status(hello[b"s"])["cgroup"]
        except BaseException:
            self.remove()
            raise

    def run(self, request: Request) -> Answer:
        """One job, from sending to the runner's answer."""
        limits = request.limits
        self._deadline = (
            time.monotonic() + limits.compile_seconds + limits.wall_seconds + _SLACK_SECONDS
        )
        if request.fresh:
            self.jobs = 0
        self.jobs += 1
        with self._working:
            try:
                self._socket.settimeout(_SLACK_SECONDS)
                self._socket.sendall(request.encode())
            except OSError as error:
                raise SandboxDied(self._why(error)) from error
            try:
                return Answer.decode(self._read_message())
            except ProtocolError as error:
                raise SandboxDied(self._why(error)) from error

    def _why(self, error: Exception) -> str:
        said = self._errors.decode("utf-8", "replace").strip().splitlines()
        return f"{error}" + (f"; it said: {said[-1]}" if said else "")

    def _read_message(self) -> dict[bytes, bytes]:
        try:
            return read_message(self._read)
        except (OSError, ProtocolError) as error:
            raise SandboxDied(self._why(error)) from error

    def _receive(self) -> bytes:
        """Some bytes of what the engine sends, at least one."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise ProtocolError("the runner does not answer")
        self._socket.settimeout(left)
        data: bytes = self._socket.recv(_RECEIVED)
        if not data:
            raise ProtocolError("the container ended")
        return data

    def _read(self, size: int) -> bytes:
        """Exactly `size` bytes of the runner's standard output; standard error is set aside."""
        while len(self._said) < size:
            self._frames.take(self._receive(), self._said, self._errors)
            del self._errors[:-_STDERR_KEPT]
        data = bytes(self._said[:size])
        del self._said[:size]
        return data

    def remove(self) -> None:
        """Ends the container and removes it; one that is gone already is fine."""
        with contextlib.suppress(OSError, AttributeError):
            # A thread that waits for an answer hears of this; of a close it would not.
            self._socket.shutdown(socket.SHUT_RDWR)
        # The end of its input ends the runner, and the engine removes the container: this only
        # makes sure of it, so an engine that is gone does not matter here.
        with contextlib.suppress(docker.errors.DockerException, *engine.GONE):
            self._client.api.remove_container(self.id, force=True)
        with self._working:  # until it has heard: it waits on a number that a close gives away
            with contextlib.suppress(OSError, AttributeError):
                self._stream.close()
            with contextlib.suppress(OSError, AttributeError):
                self._socket.close()
