"""The pool of warm sandboxes: `DockerExecutor` turns jobs into executions."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Literal

import docker.errors

from pipeline.records import Evidence, Execution, Job, Limits, UserError
from sandboxes import dispatch, engine, images, languages, self_test
from sandboxes.assembly import Assembled, Case, assemble
from sandboxes.container import Sandbox, SandboxDied
from sandboxes.images import Image
from sandboxes.languages import Language
from sandboxes.protocol import Answer, Request
from sandboxes.verdicts import Judged, judge

Way = Literal["warm", "plain"]
# Of the engine's memory, what idle sandboxes may hold in warm processes: with many languages they
# would add up to more than a small machine has.
_IDLE_SHARE = 0.25
_SOURCE, _JOB, _BUILD = "/sandbox/job/{file}", "/sandbox/job", "/sandbox/build"
_JUDGE = "/sandbox/judge"


class _Language:
    """What the pool knows of one language: its image, its limits."""

    def __init__(self, language: Language, image: Image, limits: Limits) -> None:
        self.language = language
        self.image = image
        self.limits = language.limits_under(limits)
        self.limits_hash = self.limits.hash()  # once: taken for each job it was a tenth of our time


class DockerExecutor:
    """Runs jobs in Docker sandboxes; satisfies `pipeline.services.Executor`.

    Args:
        limits: of every job, where a language has none of its own.
        workers: sandboxes that work at once; None for as many as the engine has cores.
        docker_host: the engine's address; None for DOCKER_HOST, else the local one.
        runtime: the container runtime, such as ``runsc``; None for the engine's default.
        way: ``warm`` uses the languages' warm processes, ``plain`` a fresh process for everything.
        rules: of the languages that are to be judged by another rule than their own, its name.

    Raises UserError where no engine answers.
    """

    def __init__(
        self,
        limits: Limits,
        workers: int | None = None,
        docker_host: str | None = None,
        runtime: str | None = None,
        way: Way = "warm",
        rules: Mapping[str, str] | None = None,
    ) -> None:
        self._limits = limits
        self._docker_host = docker_host
        self._runtime = runtime
        self._way = way
        self._rules = dict(rules or {})
        self._client = engine.connect(docker_host)
        with engine.speaking(self._client, "asking for its version"):
            self._info: Mapping[str, Any] = self._client.info()
            engine.reap(self._client)
        self.workers = workers or int(self._info["NCPU"])
        self._languages: dict[str, _Language] = {}
        self._lock = threading.Lock()
        self._sandboxes: set[Sandbox] = set()
        self._idle: list[Sandbox] = []  # the one that worked last stands last
        self._idle_mib = int(self._info["MemTotal"] * _IDLE_SHARE) >> 20
        self._closed = False
        self._cgroup = ""

    # -- the Executor protocol

    def prepare(self, languages: Iterable[str]) -> None:
        """Checks each language's image and runs its self-tests once; UserError with the fix."""
        for name in languages:
            self._known(name)
            self_test.require(name, self._docker_host, self._runtime)

    def image_digest(self, language: str) -> str:
        return self._known(language).image.digest

    def limits_hash(self, language: str) -> str:
        return self._known(language).limits_hash

    def environment(self) -> Mapping[str, Any]:
        return {
            "engine": self._info["ServerVersion"],
            "runtime": self._runtime or self._info.get("DefaultRuntime", ""),
            "storage_driver": self._info.get("Driver", ""),
            "kernel": self._info.get("KernelVersion", ""),
            "cgroup": self._cgroup,
            "workers": self.workers,
            "way": self._way,
            "images": {
                name: images.describe(known.image) for name, known in self._languages.items()
            },
            "limits": {name: repr(known.limits) for name, known in self._languages.items()},
        }

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        """Yields executions as they finish; languages take turns (see `fair_queue`).

        Raises UserError when the engine goes away, after the executions that were finished by
        then; errors of `jobs` itself are passed on.
        """
        return dispatch.run(self.execute, self.workers, jobs)

    def close(self) -> None:
        """Ends and removes the pool's containers."""
        with self._lock:
            self._closed = True
            sandboxes, self._sandboxes = self._sandboxes, set()
            self._idle.clear()
        for sandbox in sandboxes:
            sandbox.remove()

    def __enter__(self) -> DockerExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- one job

    def execute(self, job: Job) -> Execution:
        """One job in an idle sandbox, or a new one. Retried once if the sandbox fails."""
        known = self._known(job.language)
        evidence = job.evidence
        if evidence == "isolated" and not known.language.isolated:
            evidence = "completed"
        program = assemble(job, known.language, evidence)
        if len(program.source) > known.limits.disk_mib << 20 >> 2:
            size = len(program.source)
            judged = Judged(
                "compile_error", f"the source has {size} bytes: more than a sandbox holds"
            )
            return _execution(job, known, evidence, judged, [])
        failures: list[SandboxDied] = []
        for _ in range(2):
            try:
                judged, answers = self._attempt(known, program, evidence)
                if judged.unfit:
                    evidence, program = "completed", assemble(job, known.language)
                    judged, answers = self._attempt(known, program, evidence)
                return _execution(job, known, evidence, judged, answers)
            except SandboxDied as error:
                failures.append(error)
                self._drop_idle(known)
                if not engine.takes_connections(self._docker_host):
                    raise engine.stopped() from error
        said = "; ".join(map(str, failures))
        if all(failure.out_of_memory for failure in failures):  # the second time in a new sandbox
            judged = Judged("out_of_memory", f"memory ran out twice: {said}")
        else:
            judged = Judged("infrastructure_error", f"the sandbox failed twice: {said}")
        return _execution(job, known, evidence, judged, [])

    def _attempt(
        self, known: _Language, program: Assembled, evidence: Evidence
    ) -> tuple[Judged, list[Answer]]:
        answers: list[Answer] = []
        judged = Judged("passed", "completed")
        for case in program.cases:
            answer, judged = self._run_case(known, program, case, evidence)
            answers.append(answer)
            if judged.verdict != "passed":
                break
        return judged, answers

    def _run_case(
        self, known: _Language, program: Assembled, case: Case, evidence: Evidence
    ) -> tuple[Answer, Judged]:
        nonce = secrets.token_hex(16)
        sandbox = self._acquire(known)
        try:
            request = self._request(known, program, case, nonce, sandbox.jobs)
            answer = sandbox.run(request)
            if answer.service_died:
                raise SandboxDied("a warm process ended during the job", answer.oom_kills > 0)
            if answer.exec_error:
                raise SandboxDied(f"{request.run[0]} could not be started: is the image whole?")
        except BaseException:
            self._discard(sandbox)
            raise
        warm = known.language.warm
        judged = judge(answer, nonce, program.test_line, case, known.language, evidence)
        if answer.clean:
            if judged.verdict in ("timeout", "out_of_memory", "forged") and warm.run:
                sandbox.jobs = warm.jobs  # the next job is forked from a new interpreter
            self._release(sandbox)
        else:
            self._discard(sandbox)
        return answer, judged

    def _request(
        self, known: _Language, program: Assembled, case: Case, nonce: str, jobs: int
    ) -> Request:
        language, limits = known.language, known.limits
        warm, fast = languages.Warm(), languages.Fast()
        if self._way == "warm":
            warm, fast = language.warm, language.fast or fast
        source, heap = _SOURCE.format(file=language.file), limits.memory_mib * 3 // 4
        fill = partial(_filled, source=source, build=_BUILD if warm.compile else _JOB, heap=heap)
        isolated = language.isolated if program.judge else None
        return Request(
            file=language.file,
            source=program.source,
            compile=fill(fast.compile or language.compile),
            run=fill(isolated.program if isolated else fast.run or language.run),
            warm_compile=fill(warm.compile),
            warm_run=fill(warm.run) if isolated is None or isolated.warm else (),
            stdin=case.stdin,
            nonce=nonce,
            limits=limits,
            fresh=jobs >= warm.jobs,
            judge=fill(isolated.judge) if isolated else (),
            warm_judge=fill(warm.run) if isolated and isolated.warm else (),
            judge_files=program.judge,
        )

    # -- sandboxes

    def _known(self, name: str) -> _Language:
        with self._lock:
            if name not in self._languages:
                language = languages.get(name).under(self._rules.get(name, ""))
                image = images.inspect(self._client, language)
                self._languages[name] = _Language(language, image, self._limits)
            return self._languages[name]

    def _acquire(self, known: _Language) -> Sandbox:
        name = known.language.name
        with self._lock:
            if self._closed:
                raise UserError("the pool of sandboxes is closed")
            for index in reversed(range(len(self._idle))):
                if self._idle[index].language.name == name:
                    return self._idle.pop(index)
        try:
            sandbox = Sandbox(
                self._client, known.image, known.language, known.limits, self._runtime
            )
        except docker.errors.ImageNotFound as error:
            raise UserError(
                f"the sandbox image of {known.language.name} was removed: run"
                f" `forkeval images build {known.language.name}`"
            ) from error
        except (docker.errors.DockerException, *engine.GONE) as error:
            if not engine.takes_connections(self._docker_host):
                raise engine.stopped() from error
            raise UserError(f"Docker could not start a sandbox: {error}") from error
        with self._lock:
            self._sandboxes.add(sandbox)
            self._cgroup = sandbox.cgroup
            closed = self._closed
        if closed:  # while it started: `close` has not seen it
            self._discard(sandbox)
            raise UserError("the pool of sandboxes is closed")
        return sandbox

    def _release(self, sandbox: Sandbox) -> None:
        """Keeps a sandbox for the next job of its language, as long as memory allows."""
        with self._lock:
            if sandbox not in self._sandboxes:  # the pool was closed meanwhile
                return
            self._idle.append(sandbox)
            held = sum(idle.language.reserve.memory_mib for idle in self._idle)
            surplus = []
            while held > self._idle_mib and len(self._idle) > 1:
                surplus.append(self._idle.pop(0))
                held -= surplus[-1].language.reserve.memory_mib
        for old in surplus:
            self._discard(old)

    def _drop_idle(self, known: _Language) -> None:
        """Gives up the language's idle sandboxes: what ended one may have ended the others, and a
        job that is tried again must get one that works."""
        name = known.language.name
        with self._lock:
            gone = [sandbox for sandbox in self._idle if sandbox.language.name == name]
            self._idle = [sandbox for sandbox in self._idle if sandbox not in gone]
        for sandbox in gone:
            self._discard(sandbox)

    def _discard(self, sandbox: Sandbox) -> None:
        with self._lock:
            self._sandboxes.discard(sandbox)
        sandbox.remove()


@lru_cache  # of the few that a language has, each job sends some
def _filled(command: tuple[str, ...], source: str, build: str, heap: int) -> tuple[str, ...]:
    """The command with paths and the MiB of a heap in their places."""
    values = {"source": source, "build": build, "judge": _JUDGE, "heap_mib": heap}
    return tuple(word.format(**values) for word in command)


def _execution(
    job: Job, known: _Language, evidence: Evidence, judged: Judged, answers: list[Answer]
) -> Execution:
    last = answers[-1] if answers else None
    return Execution(
        program_hash=job.program_hash,
        test_hash=job.test_hash,
        image_digest=known.image.digest,
        limits_hash=known.limits_hash,
        asked_evidence=job.evidence,
        evidence=evidence,
        attempt=job.attempt,
        language=job.language,
        verdict=judged.verdict,
        exit_code=last.exit_code if last else None,
        detail=" ".join(judged.detail.split()),
        stdout=last.stdout.decode("utf-8", "replace") if last else "",
        stderr=last.stderr.decode("utf-8", "replace") if last else "",
        toolchain=known.image.toolchain,
        m_compile_seconds=sum(answer.compile_seconds for answer in answers),
        m_cpu_seconds=sum(answer.cpu_seconds for answer in answers),
        m_wall_seconds=sum(answer.wall_seconds for answer in answers),
        m_peak_memory_bytes=max((answer.peak_memory for answer in answers), default=float("nan")),
    )
