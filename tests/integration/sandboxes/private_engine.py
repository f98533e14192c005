"""A Docker engine of a test's own, on a small disk of its own: to stop, to kill and to fill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from sandboxes import images, languages

_START_SECONDS = 60


class PrivateEngine:
    """dockerd with its own data, state and socket; `root` is a tmpfs of `mib` MiB."""

    def __init__(self, mib: int) -> None:
        if os.getuid() != 0 or shutil.which("dockerd") is None:
            pytest.skip("starting an engine of one's own takes root and dockerd")
        # Not pytest's folder: the path of a socket has room for 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="fe-"))
        self.root = self._folder / "root"
        self.root.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "forkeval-test", str(self.root)]
        if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            shutil.rmtree(self._folder)
            pytest.skip("this machine lets us mount no tmpfs")
        self.address = f"unix://{self._folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts dockerd, with what its last stop left, and waits until it answers."""
        self._end_containerd()
        (self._folder / "docker.pid").unlink(missing_ok=True)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false",
                 f"--data-root={self.root}", f"--exec-root={self._folder}/exec",
                 f"--pidfile={self._folder}/docker.pid", f"--host={self.address}",
                 "--shutdown-timeout=1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            try:
                self.client().close()
                return
            except docker.errors.DockerException:
                assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
                time.sleep(0.2)
        pytest.fail(f"dockerd does not answer: {(self._folder / 'log').read_text()[-2000:]}")

    def client(self) -> Any:
        found = docker.DockerClient(self.address, version="auto", timeout=120)
        found.ping()
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)
        self._process = None

    def load(self, shared: Any, language: str) -> str:
        """Copies a language's image from the engine of the tests; returns its identifier."""
        found = shared.images.get(images.reference(languages.get(language)))
        client = self.client()
        client.images.load(found.save(named=True))
        client.close()
        return str(found.id)

    def fill(self) -> Path:
        """Takes every byte that is left; removing the file gives them back."""
        path = self.root / "fill"
        with path.open("wb") as file:
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                return path  # full

    def _end_containerd(self) -> None:
        """Ends the containerd of a dockerd that was killed, as docker_engine.sh does."""
        file = self._folder / "exec" / "containerd" / "containerd.pid"
        if not file.exists():
            return
        pid = int(file.read_text())
        told = Path(f"/proc/{pid}/cmdline")
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it ended meanwhile
            if str(self._folder) in told.read_text():
                os.kill(pid, signal.SIGKILL)
            while str(self._folder) in told.read_text():
                time.sleep(0.05)
        file.unlink()

    def close(self) -> None:
        """Ends the engine and what it started, and removes all that it had."""
        if self._process is not None:
            self.stop()
        self._end_containerd()
        for told in Path("/proc").glob("[0-9]*/cmdline"):  # what a killed containerd looked after
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                if f"-address\0{self._folder}/" in told.read_text():
                    os.kill(int(told.parent.name), signal.SIGKILL)
        for line in reversed(Path("/proc/self/mountinfo").read_text().splitlines()):
            place = line.split()[4]
            if place.startswith(f"{self._folder}/"):
                subprocess.run(["umount", "-l", place], check=True)
        shutil.rmtree(self._folder)
