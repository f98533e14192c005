"""How many candidates a second one core executes: `python -m sandboxes.bench [--seconds S]`.

Each language's first self-test program is executed over and over by one worker

- ``warm`` and ``plain``: through the pool, with and without the languages' warm processes;
- ``reference``: in the same sandbox by the commands of a plain harness, which compile and run in
  fresh processes and check nothing (`reference` in language.yaml);
- ``docker_run``: by those commands in a container of its own each, without the pool's confinement.

CPU seconds are the sandbox's own control group's, the runner's work included. Python is also held
against ``bare_fork``: forks of an equally warm interpreter that run the same program unconfined.
Then as many workers as there are cores run together. One JSON file a run goes to results/.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipeline.records import Job, Limits
from sandboxes import engine, images, languages
from sandboxes.assembly import assemble
from sandboxes.container import Sandbox
from sandboxes.languages import Language
from sandboxes.pool import DockerExecutor, Way
from sandboxes.protocol import Request

RESULTS = Path(__file__).parent / "results"


def _jobs(language: Language) -> Iterator[Job]:
    text, test = language.self_tests[0].completion, language.self_test
    while True:
        yield Job(language.name, "", text, test, "program", "add", "bench", "bench")


def _rate(step: Callable[[], float], seconds: float) -> dict[str, float]:
    """Repeats `step`, which gives the CPU seconds it used, for about so long, after one warm-up."""
    step()
    cpu, done, started = 0.0, 0, time.monotonic()
    while (spent := time.monotonic() - started) < seconds or done < 2:
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


def _source(language: Language) -> bytes:
    plain = dataclasses.replace(language, start="", end="")  # these speak to our launchers
    return assemble(next(_jobs(language)), plain).source


def _reference(client: Any, language: Language, seconds: float) -> dict[str, float]:
    """The plain harness's commands, in a sandbox like the pool's."""
    limits = language.limits_under(Limits(cpu_seconds=100.0, wall_seconds=200.0))
    image = images.inspect(client, language)
    sandbox = Sandbox(client, image, language, limits, None)
    request = Request(
        file=language.file, source=_source(language), compile=(),
        run=("/bin/sh", "-c", language.reference), warm_compile=(), warm_run=(), stdin=b"",
        nonce="0" * 32, limits=limits, fresh=False,
    )  # fmt: skip

    def step() -> float:
        answer = sandbox.run(request)
        if answer.exit_code != 0:
            raise RuntimeError(f"{language.name}: {language.reference}: {answer.stderr!r}")
        return answer.cpu_seconds

    try:
        return _rate(step, seconds)
    finally:
        sandbox.remove()


def _container_each(client: Any, language: Language, seconds: float) -> dict[str, float]:
    """Starts a container for each candidate, as the simplest harness would."""
    command = f'cd /tmp && printf %s "$1" > {language.file} && {language.reference}'

    def step() -> float:
        client.containers.run(
            images.reference(language), ["-c", command, "sh", _source(language).decode()],
            entrypoint="/bin/sh", remove=True, network_mode="none",
            environment=dict(language.environment), labels=engine.owner(),
        )  # fmt: skip
        return float("nan")

    rate = _rate(step, seconds)
    del rate["cpu_seconds_each"]  # the engine's own work for it is not to be seen from here
    return rate


# Forks children that run the program, as the launcher's server does; prints CPU seconds of each.
_BARE_FORK = """
import ast, gc, os, resource, sys
launcher = ast.parse(open("/forkeval/launcher.py").read())
keep = [n for n in launcher.body if isinstance(n, ast.FunctionDef) and n.name == "warm_up"
        or isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "COMMON"]
exec(compile(ast.Module(keep, []), "launcher.py", "exec"))
for name in COMMON.split(): __import__(name)
warm_up()
gc.collect(); gc.freeze(); gc.disable()
def used():
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in both)
before, count = used(), 1000
for _ in range(count):
    pid = os.fork()
    if pid == 0:
        exec(compile(sys.argv[1], "main.py", "exec"), {"__name__": "__main__"})
        os._exit(0)
    os.waitpid(pid, 0)
print((used() - before) / count)
"""


def _bare_fork(client: Any, language: Language) -> dict[str, float]:
    """CPU seconds of a fork that runs the program and nothing else."""
    said = client.containers.run(
        images.reference(language), ["-c", _BARE_FORK, _source(language).decode()],
        entrypoint="python3", remove=True, network_mode="none",
        environment=dict(language.environment), labels=engine.owner(),
    )  # fmt: skip
    return {"cpu_seconds_each": round(float(said), 5)}


def _together(language: Language, workers: int, seconds: float) -> dict[str, float]:
    """Candidates a second of so many workers at once."""
    with DockerExecutor(Limits(), workers) as pool:
        for _ in pool.run(itertools.islice(_jobs(language), 4 * workers)):
            pass  # warms up
        started, done = time.monotonic(), 0
        for _ in pool.run(_jobs(language)):
            done += 1
            if (spent := time.monotonic() - started) >= seconds:
                break  # which ends the run after the jobs under way
    return {"workers": workers, "candidates": done, "per_second": round(done / spent, 2)}


def measure(names: Sequence[str], seconds: float) -> dict[str, Any]:
    """The named languages on every path; one worker, so that a rate is a rate of one core."""
    client = engine.connect()
    info = client.info()
    found: dict[str, Any] = {}
    cores = os.cpu_count() or 1
    for language in tqdm([languages.get(name) for name in names], unit="language"):
        image = images.inspect(client, language)
        row = found[language.name] = {
            "toolchain": image.toolchain,
            "image": image.digest,
            "plain": _pooled(language, "plain", seconds),
            "reference": _reference(client, language, seconds),
            "docker_run": _container_each(client, language, seconds),
        }
        if language.has_warm_path:
            row["warm"] = _pooled(language, "warm", seconds)
        if language.name == "python":
            row["bare_fork"] = _bare_fork(client, language)
        row["together"] = [_together(language, workers, seconds) for workers in (1, cores)]
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


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result as a Markdown table: rates, and ours over the others'."""
    ways = ("warm", "plain", "reference", "docker_run")
    yield (
        "| language | "
        + " | ".join(f"{way}, /s" for way in ways)
        + " | over reference"
        + (" | the same by CPU | over docker run | workers on cores |")
    )
    yield "|---|" + "---|" * (len(ways) + 4)
    for name, row in result["languages"].items():
        rates = [f"{row[way]['per_second']:.1f}" if way in row else "" for way in ways]
        ours, reference = row.get("warm", row["plain"]), row["reference"]
        alone, together = (run["per_second"] for run in row["together"])
        yield (
            f"| {name} | {' | '.join(rates)} | "
            f"{ours['per_second'] / reference['per_second']:.1f} | "
            f"{reference['cpu_seconds_each'] / ours['cpu_seconds_each']:.1f} | "
            f"{ours['per_second'] / row['docker_run']['per_second']:.0f} | "
            f"{together / alone:.2f} of {row['together'][1]['workers']} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("languages", nargs="*", help="all by default")
    arguments = parser.parse_args()
    result = measure(arguments.languages or list(languages.load()), arguments.seconds)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"bench-{result['measured'][:19].replace(':', '')}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(lines(result)))
    print(path)


if __name__ == "__main__":
    main()
