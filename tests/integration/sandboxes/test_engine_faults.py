"""An engine that stops, is killed, has a full disk or loses an image: a run ends with one line that
says what to do, invents no verdict, and goes on where it was. The engine is this module's own."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from pipeline.records import Job, Limits, UserError
from sandboxes import engine, images, languages
from sandboxes.pool import DockerExecutor
from tests.integration.runs import commits, forkeval, shards, start, succeed, tables, wait_for
from tests.integration.sandboxes.private_engine import PrivateEngine

pytestmark = pytest.mark.docker

LANGUAGE = "javascript"  # the smallest image of the first three
ROOT_MIB = 1500
CONFIG = """\
name: run
directory: {folder}
benchmarks: [{{name: jsonl, path: {folder}/tasks.jsonl}}]
backend: {{name: recorded, completions: [{folder}/samples.jsonl]}}
sampling: {{n: 1}}
execute: {{workers: 1, docker_host: "{address}"}}
store: {{rows_per_shard: 4, seconds_per_shard: 1}}
report: {{k: [1], bootstrap: 100}}
"""
PROGRAMS = 40  # each sleeps, so that there is a middle of the run; every third is wrong


@pytest.fixture(scope="module")
def own(docker_client: Any) -> Iterator[PrivateEngine]:
    made = PrivateEngine(ROOT_MIB)
    try:
        made.start()
        made.load(docker_client, LANGUAGE)
        yield made
    finally:
        made.close()


@pytest.fixture
def run(own: PrivateEngine, tmp_path: Path) -> Path:
    """The directory of a run that is ready to execute."""
    tasks, samples = [], []
    for number in range(PROGRAMS):
        task = {"task_id": f"Slow/{number}", "language": LANGUAGE}
        prompt = "function add(a, b) {\n"
        test = f"\nif (add(2, 3) != 5) throw 'wrong {number}';\n"
        nap = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);"
        text = f"  {nap}\n  return {'a - b' if number % 3 == 0 else 'a + b'};\n}}\n"
        tasks.append(task | {"prompt": prompt, "entry_point": "add", "test": test})
        samples.append(task | {"completion": text})
    for name, rows in (("tasks", tasks), ("samples", samples)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    config = tmp_path / "run.yaml"
    config.write_text(CONFIG.format(folder=tmp_path, address=own.address))
    succeed("run", config, "--stage", "load")
    succeed("run", config, "--stage", "sample")
    return tmp_path / "run"


def _verdicts(run: Path) -> dict[str, str]:
    rows = tables(run)["verdicts"].to_pylist()
    return {row["task_id"]: row["verdict"] for row in rows}


RIGHT = {f"Slow/{n}": "passed" if n % 3 else "wrong_answer" for n in range(PROGRAMS)}


def _ended_with(output: str, words: str) -> None:
    """The last line says it, and no trace of Python's stands above it."""
    assert words in output.splitlines()[-1], output
    assert "Traceback" not in output


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_dockerd_stops_and_starts_again(how: signal.Signals, own: PrivateEngine, run: Path) -> None:
    words = ("resume", run, "--stage", "execute")
    process = start(*words)
    assert wait_for(lambda: commits(run, "execute") > 0, process, 120)
    before = shards(run)
    own.stop(how)
    try:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 2, output
        _ended_with(output, "Docker stopped answering during the run")
        refused = forkeval(*words)
        assert refused.returncode == 2
        _ended_with(refused.stderr, f"no Docker engine answers at {own.address}")
    finally:
        own.start()
    succeed(*words)
    after = shards(run)
    assert all(after[name] == print_ for name, print_ in before.items())
    assert _verdicts(run) == RIGHT
    client = own.client()
    assert client.containers.list(all=True, filters={"label": "forkeval.owner"}) == []
    client.close()


def test_the_engines_disk_is_full(own: PrivateEngine, run: Path) -> None:
    words = ("resume", run, "--stage", "execute")
    process = start(*words)
    assert wait_for(lambda: commits(run, "execute") > 0, process, 120)
    before = shards(run)
    filled = own.fill()
    client = own.client()
    try:
        # Sandboxes that run write to no disk and go on; a new one cannot be made.
        for container in client.containers.list(filters={"label": "forkeval.owner"}):
            container.kill()
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 2, output
        _ended_with(output, "no space left on device")
    finally:
        filled.unlink()
        client.close()
    succeed(*words)
    after = shards(run)
    assert all(after[name] == print_ for name, print_ in before.items())
    assert _verdicts(run) == RIGHT


def test_an_image_is_removed_during_a_run(
    own: PrivateEngine, docker_client: Any, job: Callable[..., Job], small_limits: Limits
) -> None:
    language = languages.get(LANGUAGE)
    client = own.client()

    def good(name: str) -> Job:
        text = language.self_tests[0].completion
        return job(text, language.self_test, language=LANGUAGE, name=name)

    def gone() -> bool:
        """One try to kill the run's sandbox and remove its image; a new one may come between."""
        mine = engine.owner()["forkeval.owner"]
        with contextlib.suppress(docker.errors.APIError):
            for container in client.containers.list(filters={"label": f"forkeval.owner={mine}"}):
                container.remove(force=True)
            client.images.remove(found.id, force=True)
        try:
            client.images.get(found.id)
        except docker.errors.ImageNotFound:
            return True
        return False

    with DockerExecutor(small_limits, workers=1, docker_host=own.address) as pool:
        found = client.images.get(images.reference(language))
        run = pool.run(good(str(index)) for index in range(100_000))
        done = [next(run)]
        until = time.monotonic() + 60
        while not gone():
            assert time.monotonic() < until
        with pytest.raises(UserError, match=f"was removed: run `forkeval images build {LANGUAGE}`"):
            done.extend(run)
        assert {execution.verdict for execution in done} == {"passed"}
        own.load(docker_client, LANGUAGE)
        assert pool.execute(good("after")).verdict == "passed"
    client.close()
