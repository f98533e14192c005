"""docker_engine.sh: used as it is, started from nothing, started again after a dockerd that was
killed. The engines of these tests live in mount and process namespaces of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

SCRIPT = Path(__file__).parents[3] / "sandboxes" / "docker_engine.sh"


def _run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | environment
    )


def _private(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs a script where /run, /var/run and /var/lib/docker are empty and its own."""
    if os.getuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine of one's own takes root and dockerd")
    set_up = """
set -eu
mount -t tmpfs none /run
[ -L /var/run ] || mount --bind /run /var/run
mkdir -p /var/lib/docker /var/lib/containerd
mount -t tmpfs none /var/lib/docker
mount -t tmpfs none /var/lib/containerd
"""
    return _run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash", "-c",
         set_up + script],
        FORKEVAL_DOCKER_LOG=str(folder / "dockerd.log"),
        FORKEVAL_DOCKER_PATIENCE="60",
        SCRIPT=str(SCRIPT),
    )  # fmt: skip


def test_an_engine_that_answers_is_used(docker_client: object) -> None:
    found = _run([str(SCRIPT)])
    assert found.returncode == 0, found.stderr
    assert "using the engine that answers" in found.stderr


def test_an_address_that_does_not_answer_is_named(tmp_path: Path) -> None:
    found = _run([str(SCRIPT)], DOCKER_HOST=f"unix://{tmp_path}/absent.sock")
    assert found.returncode == 1
    assert f"no engine answers at DOCKER_HOST=unix://{tmp_path}/absent.sock" in found.stderr


def test_started_from_nothing_and_again_after_a_kill(tmp_path: Path) -> None:
    script = """
"$SCRIPT"
docker version >/dev/null
kill -9 "$(cat /var/run/docker.pid)"
while docker version >/dev/null 2>&1; do sleep 0.1; done
"$SCRIPT"
docker version >/dev/null
"$SCRIPT"
# A stale pid file that names a living process of another kind is no dockerd.
kill -9 "$(cat /var/run/docker.pid)"
while docker version >/dev/null 2>&1; do sleep 0.1; done
sleep 1000 & echo $! >/var/run/docker.pid
"$SCRIPT"
echo engines: $(pgrep -x -c dockerd) $(pgrep -x -c containerd)
"""
    found = _private(script, tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stderr.count("starting dockerd") == 3
    assert found.stderr.count("using the engine that answers") == 1
    assert found.stdout.strip() == "engines: 1 1"


def test_a_dockerd_that_cannot_start_is_one_line_with_its_log(tmp_path: Path) -> None:
    script = """
mkdir -p /etc/docker && mount -t tmpfs none /etc/docker
echo '{"no-such-option": 1}' >/etc/docker/daemon.json
"$SCRIPT"
"""
    found = _private(script, tmp_path)
    assert found.returncode == 1
    assert f"see {tmp_path}/dockerd.log" in found.stderr
    assert "no-such-option" in found.stderr
