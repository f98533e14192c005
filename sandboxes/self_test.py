"""Each image's own test: programs with known verdicts, run through a real pool."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pipeline.records import Job, Limits, UserError, digest
from sandboxes import engine, images, languages
from sandboxes.languages import Language

# Small, so that the time-out and the memory hog end soon, and the same on every machine.
LIMITS = Limits(cpu_seconds=2.0, wall_seconds=20.0, memory_mib=256, disk_mib=16)


@dataclass(frozen=True)
class Outcome:
    """One self-test program: the verdict that it must get, and the one that it got."""

    language: str
    expected: str
    found: str
    detail: str
    path: str  # warm or plain

    @property
    def ok(self) -> bool:
        return self.expected == self.found


def _jobs(language: Language) -> list[tuple[str, Job]]:
    """Each program twice in a row: a sandbox must be as good after a hostile one as before."""
    return [
        (
            test.verdict,
            Job(
                language=language.name,
                prompt="",
                completion=test.completion,
                test=language.self_test,
                kind="program",
                entry_point="add",
                program_hash=digest(test.completion),
                test_hash=digest(language.self_test),
            ),
        )
        for test in (*language.self_tests, language.self_tests[0])
    ]


def check(
    names: list[str], docker_host: str | None = None, runtime: str | None = None
) -> list[Outcome]:
    """Runs the self-tests of the languages, warm and plain; remembers the images that pass."""
    from sandboxes.pool import DockerExecutor, Way  # the pool asks this module in `prepare`

    outcomes = []
    for name in names:
        language = languages.get(name)
        found: list[Outcome] = []
        ways: tuple[Way, ...] = ("warm", "plain") if language.has_warm_path else ("plain",)
        for way in ways:
            with DockerExecutor(LIMITS, 1, docker_host, runtime, way) as executor:
                for expected, job in _jobs(language):
                    done = executor.execute(job)
                    found.append(Outcome(name, expected, done.verdict, done.detail, way))
        if found and all(outcome.ok for outcome in found):
            key = _key(name, docker_host, runtime)
            images.write_cache(images.cache_folder() / f"passed-{key}.json", {"passed": True})
        outcomes += found
    return outcomes


def _key(name: str, docker_host: str | None, runtime: str | None) -> str:
    """Of everything that the self-test vouches for."""
    language = languages.get(name)
    image = images.inspect(engine.connect(docker_host), language)
    tests = repr((language.self_tests, language.self_test, language.limits))
    return digest(image.engine_id, image.digest, runtime or "", LIMITS.hash(), tests)[:32]


def require(name: str, docker_host: str | None = None, runtime: str | None = None) -> None:
    """Raises UserError where the image fails its self-test; a pass is remembered by its content."""
    path = images.cache_folder() / f"passed-{_key(name, docker_host, runtime)}.json"
    try:
        if json.loads(path.read_text()).get("passed") is True:
            return
    except (OSError, ValueError):
        pass  # not tested yet
    for outcome in check([name], docker_host, runtime):
        if not outcome.ok:
            raise UserError(
                f"the {name} image failed its self-test ({outcome.path}: expected"
                f" {outcome.expected}, got {outcome.found}: {outcome.detail}): run"
                f" `forkeval images build {name}` and `forkeval images test {name}`"
            )
