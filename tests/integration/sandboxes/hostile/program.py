"""What a hostile program is, and what they attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.records import Evidence, Job, digest
from sandboxes import languages

# What is attacked or tried: the rows of docs/hostile.md.
THREATS = {
    "early exit": "ends with status 0 before the test has run",
    "hooks": "exit hooks, signal handlers, threads and handlers that hide a failure",
    "report": "writes what the runner would be told, to every channel there is",
    "token": "searches memory, frames, arguments, environment and files for the nonce",
    "helpers": "replaces or cheats what the test itself calls",
    "launcher": "calls, replaces or confuses the launcher",
    "loop": "runs or sleeps past the limit",
    "recursion": "recurses without end",
    "memory": "takes all memory: at once, slowly, in children, outside the heap",
    "processes": "fork bombs, zombies, threads by the thousand",
    "output": "endless output, long lines, odd bytes, closed streams",
    "disk": "fills every writable place with bytes or inodes",
    "daemons": "processes that outlive their parent",
    "ipc": "leaves System V and POSIX objects behind",
    "signals": "signals the runner, the warm process, everything",
    "tracing": "traces, or reads memory, descriptors and files of, other users' processes",
    "files": "writes outside the work directory; links, odd names, odd modes",
    "network": "sockets of every kind",
    "privileges": "mounts, name spaces, keys, modules, devices, becoming root",
    "limits": "raises its limits, priority and oom score",
    "compiler": "attacks the compiler: bombs, annotation processors, includes",
    "source": "10 MB of source, NUL bytes, reads from standard input",
}


@dataclass(frozen=True)
class Hostile:
    """One program. `verdicts` are those that it may get, the expected one first."""

    language: str
    threat: str
    name: str
    completion: str
    verdicts: tuple[str, ...]
    test: str = ""  # its own test, where the attack is on what tests call; "": the self-test
    slow: bool = False  # seconds of CPU: `make test-full` alone runs it

    @property
    def id(self) -> str:
        return f"{self.language}-{self.name}"

    def job(self, evidence: Evidence = "completed") -> Job:
        """The program as an executor is given it, named by its id."""
        test = self.test or languages.get(self.language).self_test
        return Job(
            language=self.language,
            prompt="",
            completion=self.completion,
            test=test,
            kind="program",
            entry_point="add",
            program_hash=self.id,
            test_hash=digest(test),
            evidence=evidence,
        )


@dataclass(frozen=True)
class Inside:
    """Makes programs of one language from what stands inside `add`, and before it."""

    language: str
    text: Callable[[str, str], str]  # before, body -> completion

    def __call__(
        self,
        threat: str,
        name: str,
        body: str,
        *verdicts: str,
        before: str = "",
        test: str = "",
        slow: bool = False,
    ) -> Hostile:
        completion = self.text(before, body)
        return Hostile(self.language, threat, name, completion, verdicts, test, slow)
