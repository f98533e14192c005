"""How many candidates a second one core executes: `python -m sandboxes.bench [--seconds S]`.

Each language's first self-test program is executed over and over by one worker on the warm path, on
the plain path, and by the reference command in a container of its own each (`docker run`, without
any of the confinement that the pool adds). Writes one JSON file a run to sandboxes/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.records import Job, Limits
from sandboxes import engine, images, languages
from sandboxes.assembly import assemble
from sandboxes.languages import Language, Warm
from sandboxes.pool import DockerExecutor, Way

RESULTS = Path(__file__).parent / "results"


def _jobs(language: Language) -> Iterator[Job]:
    text, test = language.self_tests[0].completion, language.self_test
    while True:
        yield Job(language.name, "", text, test, "program", "add", "bench", "bench")


def _rate(step: Callable[[], float], seconds: float) -> dict[str, float]:
    """Repeats `step`, which gives the CPU seconds it used, for about so long, after one warm-up."""
    step()
    cpu, done, started = 0.0, 0, time.monotonic()
    while (spent := time.monotonic() - started) < seconds or done < 3:
        cpu += step()
        done += 1
    return {
        "candidates": done,
        "per_second": round(done / spent, 2),
        "cpu_seconds_each": round(cpu / done, 5),
    }


def _pooled(language: Language, way: Way, seconds: float) -> dict[str, float]:
    with DockerExecutor(Limits(), workers=1, way=way) as pool:
        job = next(_jobs(language))

        def step() -> float:
            done = pool.execute(job)
            if done.verdict != "passed":
                raise RuntimeError(f"{language.name}: {done.verdict}: {done.detail}")
            return done.m_cpu_seconds

        return _rate(step, seconds)


def _container_each(client: Any, language: Language, seconds: float) -> dict[str, float]:
    """Starts a container for each candidate, as the simplest harness would."""
    name = images.reference(language)
    source = assemble(next(_jobs(language)), language).source.decode()
    command = f'cd /tmp && printf %s "$1" > {language.file} && {language.reference}'

    def step() -> float:
        client.containers.run(
            name, ["-c", command, "sh", source], entrypoint="/bin/sh", remove=True,
            network_mode="none", environment=dict(language.environment), labels=engine.owner(),
        )  # fmt: skip
        return float("nan")

    rate = _rate(step, seconds)
    del rate["cpu_seconds_each"]  # the engine's own work for it is not to be seen from here
    return rate


def measure(seconds: float) -> dict[str, Any]:
    """Every language on every path; one worker, so that a rate is a rate of one core."""
    client = engine.connect()
    info = client.info()
    found: dict[str, Any] = {}
    for language in tqdm(list(languages.load().values()), unit="language"):
        image = images.inspect(client, language)
        found[language.name] = {
            "toolchain": image.toolchain,
            "image": image.digest,
            "plain": _pooled(language, "plain", seconds),
            "docker_run": _container_each(client, language, seconds),
        }
        if language.warm != Warm():
            found[language.name]["warm"] = _pooled(language, "warm", seconds)
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "docker": info["ServerVersion"],
            "storage": info["Driver"],
            "load": os.getloadavg()[0],
        },
        "seconds_each": seconds,
        "languages": found,
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    result = measure(parser.parse_args().seconds)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"bench-{result['measured'][:19].replace(':', '')}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in result["languages"].items():
        ways = [way for way in ("warm", "plain", "docker_run") if way in row]
        rates = [f"{way} {row[way]['per_second']:8.2f}/s" for way in ways]
        print(f"{name:12} {'  '.join(rates)}")
    print(path)


if __name__ == "__main__":
    main()
