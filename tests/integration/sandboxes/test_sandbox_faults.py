"""Containers killed from outside, an engine that goes away, owners that die: no verdict is
invented, what was finished is kept, and nothing stays behind."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Execution, Job, Limits, UserError
from sandboxes import dispatch, engine, images, languages
from sandboxes.pool import DockerExecutor

pytestmark = pytest.mark.docker

GOOD = "def add(a, b):\n    return a + b\n"
SLOW = "def add(a, b):\n    import time\n    time.sleep(3)\n    return a + b\n"


def _ours(client: Any) -> list[Any]:
    mine = engine.owner()["forkeval.owner"]
    found = client.containers.list(filters={"label": f"forkeval.owner={mine}"}, ignore_removed=True)
    return list(found)


def _until(done: Callable[[], bool], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if done():
            return True
        time.sleep(0.1)
    return False


def _settled(client: Any) -> set[str]:
    """Ids of the containers there are, once no earlier test's run that was abandoned can start
    one more: what is started after this is the caller's."""
    assert _until(lambda: all(t.name != dispatch.THREAD for t in threading.enumerate()))
    return {container.id for container in _ours(client)}


def _kill_the_busy_one(client: Any, before: set[str]) -> None:
    """Kills the sandbox that was started since `before`, once it has begun its job."""
    assert _until(lambda: bool({c.id for c in _ours(client)} - before))
    time.sleep(1.5)
    for container in _ours(client):
        if container.id not in before:
            container.kill()


def test_a_killed_container_is_replaced_and_its_job_retried(
    make_executor: Callable[..., DockerExecutor], docker_client: Any, job: Callable[..., Job]
) -> None:
    before = _settled(docker_client)
    pool = make_executor()
    killer = threading.Thread(target=_kill_the_busy_one, args=(docker_client, before))
    killer.start()
    found = pool.execute(job(SLOW))
    killer.join()
    assert found.verdict == "passed"


def test_a_container_killed_twice_is_an_infrastructure_error(
    make_executor: Callable[..., DockerExecutor], docker_client: Any, job: Callable[..., Job]
) -> None:
    before = _settled(docker_client)
    stop = threading.Event()

    def keep_killing() -> None:
        while not stop.is_set():
            for container in _ours(docker_client):
                if container.id not in before and container.status == "running":
                    time.sleep(1)  # let it come up and begin the job
                    try:
                        container.kill()
                    except Exception:
                        continue  # it was removed between the listing and the kill
            time.sleep(0.1)

    pool = make_executor()
    killer = threading.Thread(target=keep_killing)
    killer.start()
    found = pool.execute(job(SLOW))
    stop.set()
    killer.join()
    assert found.verdict == "infrastructure_error"
    assert "failed twice" in found.detail
    assert found.exit_code is None
    assert pool.execute(job(GOOD)).verdict == "passed"


class _Relay:
    """A socket in front of the engine's; `stop` is, to its clients, an engine that goes away."""

    def __init__(self, path: Path, target: str) -> None:
        self._path, self._target = path, target
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            self._open += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side was closed: by `stop`, or because its request is done

    def stop(self) -> None:
        self._path.unlink()
        self._listener.close()
        for each in self._open:
            with contextlib.suppress(OSError):  # closed already
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_docker_stopped_during_a_run(
    docker_client: Any, job: Callable[..., Job], small_limits: Limits, tmp_path: Path
) -> None:
    """What was finished is yielded, then one clear error; the containers end by themselves."""
    address = docker_client.api.base_url
    if not address.startswith("http+docker"):
        pytest.fail(f"this test relays a local socket, and the engine is at {address}")
    target = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    relay = _Relay(tmp_path / "docker.sock", target)
    before = _settled(docker_client)
    pool = DockerExecutor(small_limits, workers=1, docker_host=f"unix://{tmp_path}/docker.sock")
    jobs = [job(GOOD, name="first"), job(SLOW, name="second"), job(GOOD, name="third")]
    run = pool.run(jobs)
    finished = [next(run).program_hash]
    relay.stop()
    with pytest.raises(UserError, match=r"Docker stopped answering.*run the same command"):
        finished.extend(done.program_hash for done in run)
    assert finished == ["first"]
    pool.close()
    assert _until(lambda: {c.id for c in _ours(docker_client)} <= before)


def test_containers_go_with_an_owner_that_is_killed(docker_client: Any) -> None:
    program = """
import sys
from pipeline.records import Job, Limits
from sandboxes.pool import DockerExecutor
pool = DockerExecutor(Limits(), workers=1)
job = Job("python", "", "def add(a, b):\\n    return a + b\\n",
          "def check(f):\\n    assert f(2, 3) == 5\\n", "program", "add", "p", "t")
print(pool.execute(job).verdict, *[s.id for s in pool._sandboxes], flush=True)
sys.stdin.read()
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    verdict, container = owner.stdout.readline().split()
    assert verdict == "passed"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    gone = {"id": container}
    assert _until(lambda: not docker_client.containers.list(all=True, filters=gone))


def test_leftovers_of_dead_owners_are_reaped_and_others_kept(
    make_executor: Callable[..., DockerExecutor], docker_client: Any
) -> None:
    image = images.list()[0].reference
    ended = subprocess.Popen(["true"])
    ended.wait()
    dead = engine.owner() | {"forkeval.owner": f"{ended.pid}:1"}
    elsewhere = dead | {"forkeval.host": "another-machine:boot"}

    def start(labels: dict[str, str]) -> Any:
        return docker_client.containers.run(
            image, ["60"], entrypoint="sleep", labels=labels, detach=True, network_mode="none"
        )

    theirs, foreign, mine = start(dead), start(elsewhere), start(engine.owner())
    try:
        make_executor()
        left = {c.id for c in docker_client.containers.list(all=True, ignore_removed=True)}
        assert theirs.id not in left
        assert {foreign.id, mine.id} <= left
    finally:
        foreign.remove(force=True)
        mine.remove(force=True)


def test_a_slow_language_does_not_block_a_quick_one(
    make_executor: Callable[..., DockerExecutor], job: Callable[..., Job]
) -> None:
    """Hundreds of slow jobs stand in front; the quick ones are done while those are under way."""
    slow = (
        "function add(a, b) { const t = Date.now(); while (Date.now() < t + 700); return a + b; }"
    )
    test = languages.get("javascript").self_test
    jobs = [job(slow, test, language="javascript", name=f"slow-{i}") for i in range(300)]
    jobs += [job(GOOD, name=f"quick-{i}") for i in range(40)]
    pool = make_executor(workers=2)
    run = pool.run(jobs)
    quick: list[Execution] = []
    slow_first = 0
    while len(quick) < 40:
        done = next(run)
        if done.program_hash.startswith("quick"):
            quick.append(done)
        else:
            slow_first += 1
    run.close()  # type: ignore[attr-defined]  # it is a generator
    assert {done.verdict for done in quick} == {"passed"}
    assert slow_first < 20


def test_idle_sandboxes_that_were_killed_cost_no_verdict(
    make_executor: Callable[..., DockerExecutor], docker_client: Any, job: Callable[..., Job]
) -> None:
    before = _settled(docker_client)
    pool = make_executor(workers=3)
    assert {done.verdict for done in pool.run(job(SLOW, name=str(i)) for i in range(3))} == {
        "passed"
    }
    idle = [container for container in _ours(docker_client) if container.id not in before]
    assert len(idle) == 3
    for container in idle:
        container.kill()
    assert pool.execute(job(GOOD)).verdict == "passed"


def test_idle_sandboxes_are_given_up_for_memory(
    make_executor: Callable[..., DockerExecutor],
    docker_client: Any,
    job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sandboxes.pool._IDLE_SHARE", 0.0)
    before = _settled(docker_client)
    pool = make_executor()
    for name in ("python", "javascript", "java", "python"):
        language = languages.get(name)
        text = language.self_tests[0].completion
        assert pool.execute(job(text, language.self_test, language=name)).verdict == "passed"
    assert len({c.id for c in _ours(docker_client)} - before) == 1


def test_a_closed_pool_starts_nothing(
    docker_client: Any, job: Callable[..., Job], small_limits: Limits
) -> None:
    before = _settled(docker_client)
    pool = DockerExecutor(small_limits, workers=1)
    pool.close()
    with pytest.raises(UserError, match="closed"):
        pool.execute(job(GOOD))
    assert {c.id for c in _ours(docker_client)} <= before


def test_an_error_of_the_jobs_ends_the_run_after_what_was_finished(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    def jobs() -> Iterator[Job]:
        yield job(GOOD)
        raise LookupError("the sampler stopped")

    finished = []
    with pytest.raises(LookupError, match="the sampler stopped"):
        finished.extend(executor.run(jobs()))
    del finished
    assert executor.execute(job(GOOD)).verdict == "passed"


def test_a_run_that_is_abandoned_leaves_the_pool_usable(
    executor: DockerExecutor, job: Callable[..., Job]
) -> None:
    run = executor.run(job(GOOD, name=str(index)) for index in range(1000))
    next(run)
    run.close()  # type: ignore[attr-defined]  # it is a generator
    assert [done.verdict for done in executor.run([job(GOOD)])] == ["passed"]


def test_close_removes_the_containers(
    docker_client: Any, job: Callable[..., Job], small_limits: Limits
) -> None:
    before = _settled(docker_client)
    with DockerExecutor(small_limits, workers=1) as pool:
        pool.execute(job(GOOD))
        assert {c.id for c in _ours(docker_client)} - before
    assert _until(lambda: {c.id for c in _ours(docker_client)} <= before)


def test_a_pool_that_is_closed_leaves_no_thread_that_waits_for_a_job(
    docker_client: Any, job: Callable[..., Job], small_limits: Limits
) -> None:
    """The job has twenty seconds; who closes the pool does not wait for them."""
    before = _settled(docker_client)
    pool = DockerExecutor(small_limits, workers=1)
    forever = "def add(a, b):\n    import time\n    time.sleep(60)\n"
    run = pool.run([job(GOOD), job(forever)])
    next(run)
    time.sleep(1)  # the second job is under way
    closed = time.monotonic()
    run.close()  # type: ignore[attr-defined]  # it is a generator
    pool.close()
    assert _settled(docker_client) <= before
    assert time.monotonic() - closed < 10


def test_no_engine_is_one_line_with_the_fix(small_limits: Limits, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no Docker engine answers at unix:.*docker_engine\.sh"):
        DockerExecutor(small_limits, docker_host=f"unix://{tmp_path}/absent.sock")


def test_an_image_that_is_not_built_is_named(
    make_executor: Callable[..., DockerExecutor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "reference", lambda language: f"forkeval/{language.name}:absent")
    with pytest.raises(UserError, match="python is not built: run `forkeval images build python`"):
        make_executor().prepare(["python"])
    with pytest.raises(UserError, match="language 'cobol' has no sandbox"):
        make_executor().prepare(["cobol"])
