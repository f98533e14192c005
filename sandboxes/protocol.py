"""What the pool and the runner say to each other: tagged fields (see runner/message.c)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.records import Limits

_HEAD = struct.Struct("<cI")
MAX_FIELD = 256 << 20  # far above any answer; a larger length means that the stream is broken


class ProtocolError(Exception):
    """The runner said something that it never says, or the stream ended."""


@lru_cache  # a language has a few, and each job sends them
def words(command: tuple[str, ...]) -> bytes:
    """A command as the runner reads it: each word followed by a NUL."""
    return b"".join(word.encode() + b"\0" for word in command)


def message(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Fields, each with a one-byte tag, and the mark that ends a message."""
    parts = [_HEAD.pack(tag, len(data)) + data for tag, data in fields]
    return b"".join(parts) + _HEAD.pack(b".", 0)


def read_message(read: Callable[[int], bytes]) -> dict[bytes, bytes]:
    """One message from `read`, which gives exactly as many bytes as asked or raises."""
    fields: dict[bytes, bytes] = {}
    while True:
        tag, size = _HEAD.unpack(read(_HEAD.size))
        if tag == b".":
            return fields
        if size > MAX_FIELD:
            raise ProtocolError(f"a field of {size} bytes")
        fields[tag] = read(size)


def parse_status(data: bytes) -> dict[str, str]:
    """The status field: ``key=value`` lines."""
    return dict(line.split("=", 1) for line in data.decode("ascii").splitlines())


@lru_cache  # a pool has one for each language
def _numbers(limits: Limits) -> bytes:
    """Limits as the runner reads them: microseconds, bytes, processes."""
    numbers = (
        limits.compile_seconds * 1e6,
        limits.wall_seconds * 1e6,
        limits.cpu_seconds * 1e6,
        limits.output_kib * 1024,
        limits.output_limit_kib * 1024,
        limits.pids,
    )
    return " ".join(str(int(n)) for n in numbers).encode()


@dataclass(frozen=True)
class Request:
    """One run of one program, in the runner's terms; `judge` runs beside it where there is one."""

    file: str
    source: bytes
    compile: tuple[str, ...]
    run: tuple[str, ...]
    warm_compile: tuple[str, ...]
    warm_run: tuple[str, ...]
    stdin: bytes
    nonce: str
    limits: Limits
    fresh: bool  # replace the warm processes first
    judge: tuple[str, ...] = ()
    warm_judge: tuple[str, ...] = ()
    judge_files: Mapping[str, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        fields = [(b"L", _numbers(self.limits))]
        fields.append((b"F", self.file.encode() + b"\0" + self.source))
        if self.warm_compile:
            fields.append((b"B", self.file.encode() + b"\0" + self.source))
            fields.append((b"c", words(self.warm_compile)))
        elif self.compile:
            fields.append((b"C", words(self.compile)))
        fields.append((b"R", words(self.run)))
        if self.warm_run:
            fields.append((b"r", words(self.warm_run)))
        if self.judge:
            fields.append((b"J", words(self.judge)))
            fields += [
                (b"K", name.encode() + b"\0" + data) for name, data in self.judge_files.items()
            ]
        if self.warm_judge:
            fields.append((b"j", words(self.warm_judge)))
        fields.append((b"N", self.nonce.encode()))
        fields.append((b"I", self.stdin))
        if self.fresh:
            fields.append((b"X", b""))
        return message(fields)


@dataclass(frozen=True)
class Answer:
    """What happened to one run, as the runner saw it."""

    stage: str  # compile or run: the last one that was begun
    exit_code: int | None  # of the judge, where there is one; else of the program
    signal: int
    exec_error: int
    timeout_cpu: bool
    timeout_wall: bool
    output_limit: bool
    oom_kills: int
    service_died: bool
    clean: bool  # nothing of the job is left in the sandbox
    compile_seconds: float
    cpu_seconds: float
    wall_seconds: float
    peak_memory: float  # bytes; nan where it could not be read
    stdout: bytes
    stderr: bytes
    report: bytes  # what was written to the report FIFO, by whomever
    program_exit: int | None = None  # how the program ended, if it did so by itself
    program_signal: int = 0

    @classmethod
    def decode(cls, fields: dict[bytes, bytes]) -> Answer:
        """Raises ProtocolError where a field is missing or malformed."""
        try:
            status = parse_status(fields[b"s"])
            exit_code, peak = int(status["exit"]), int(status["peak_memory"])
            program_exit = int(status["program_exit"])
            return cls(
                stage=status["stage"],
                exit_code=None if exit_code < 0 else exit_code,
                signal=int(status["signal"]),
                exec_error=int(status["exec_error"]),
                timeout_cpu=status["timeout_cpu"] == "1",
                timeout_wall=status["timeout_wall"] == "1",
                output_limit=status["output_limit"] == "1",
                oom_kills=int(status["oom_kills"]),
                service_died=status["service_died"] == "1",
                clean=status["clean"] == "1",
                compile_seconds=int(status["compile_us"]) / 1e6,
                cpu_seconds=int(status["cpu_us"]) / 1e6,
                wall_seconds=int(status["wall_us"]) / 1e6 if status["stage"] == "run" else 0.0,
                peak_memory=float(peak) if peak > 0 else float("nan"),
                stdout=fields[b"o"] + fields.get(b"O", b""),
                stderr=fields[b"e"] + fields.get(b"E", b""),
                report=fields[b"t"],
                program_exit=None if program_exit < 0 else program_exit,
                program_signal=int(status["program_signal"]),
            )
        except (KeyError, ValueError) as error:
            raise ProtocolError(f"malformed answer: {error!r}") from error
