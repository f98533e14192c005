"""Programs of seeded nonsense write random and structured bytes to every channel that a candidate
has: never a pass, never a hang, never a fault of ours, and the next program is judged right."""

# ruff: noqa: E501  # as the programs are written
from __future__ import annotations

import base64
import dataclasses
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipeline.records import Job, Limits
from sandboxes import languages
from sandboxes.pool import DockerExecutor
from tests.integration.sandboxes.hostile import load

pytestmark = pytest.mark.docker

# Seeds a language: warm, with a fresh process for everything (a cold compiler takes seconds), long.
FEW, FEWER, MANY = 5, 2, 100
# What is not an outcome of a wrong program that scribbles: a pass, and a fault of the sandbox.
FINE = {"wrong_answer", "runtime_error", "incomplete", "forged", "timeout", "output_limit",
        "out_of_memory"}  # fmt: skip

PYTHON = r"""
def add(a, b):
    import os, random, socket
    draw = random.Random({seed})
    pieces = [b"0" * 32, b"completed", b"raised", b" ", b"\n", b"0", b"exit 0 0 0", b"pid 1", b"ready",
              b"run 0 10 100", b"compile", b"s\x05\0\0\0exit=", b".\0\0\0\0", b"stage=run\nexit=0\n",
              b"\xff" * 5, b"\0" * 9, b"t\xff\xff\xff\xff", b"\x01\0\0\0\0\0\0\x08"]
    def noise():
        if draw.random() < 0.1: return draw.randbytes(draw.randrange(1 << 16))
        return b"".join(draw.choice(pieces + [draw.randbytes(8)]) for _ in range(draw.randrange(1, 9)))
    def path():
        who = draw.choice(["self", "1", str(os.getppid())])
        return draw.choice(["/sandbox/done", "/sandbox/done", "/dev/stdout", "/dev/stderr",
                            f"/proc/{who}/fd/{draw.randrange(12)}", f"/proc/{who}/mem"])
    def to_descriptor(): os.write(draw.randrange(16), noise())
    def to_path():
        fd = os.open(path(), draw.choice([os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND]) | os.O_NONBLOCK)
        for _ in range(draw.randrange(1, 5)): os.write(fd, noise())
    def to_socket():
        s = socket.socket(fileno=os.dup(draw.randrange(16)))
        s.settimeout(0.05)
        draw.choice([lambda: s.send(noise()), lambda: s.recv(64), lambda: socket.send_fds(s, [noise()], [0, 1])])()
    def move(): os.dup2(draw.randrange(16), draw.randrange(16))
    def close(): os.close(draw.randrange(16))
    def read():
        fd = draw.randrange(16); os.set_blocking(fd, False); os.read(fd, 64)
    def cut(): os.truncate(path(), 0)
    def signal(): os.kill(draw.choice([1, os.getppid()]), draw.randrange(1, 32))
    def child():
        if os.fork() == 0:
            scribble(); os._exit(draw.randrange(2))
    acts = [to_descriptor, to_path, to_path, to_socket, move, close, read, cut, signal, child]
    def scribble():
        for _ in range(draw.randrange(1, 40)):
            try: draw.choice(acts)()
            except (OSError, ValueError): pass
    scribble()
    end = draw.randrange(6)
    if end == 0: os._exit(0)
    if end == 1: os._exit(1)
    if end == 2: raise ValueError(noise().decode("latin-1"))
    if end == 3: os.kill(os.getpid(), draw.choice([9, 15, 6, 11]))
    return draw.choice([0, None, noise(), "5"])
"""

PERL = r"""
use strict; use warnings; no warnings; use Fcntl;
srand({seed}); $SIG{PIPE} = "IGNORE"; alarm 4;
my @pieces = ("0" x 32, "completed", "raised", " ", "\n", "0", "exit 0 0 0", "exit 0 0 0\n", "pid 1",
    "ready", "compile", ".\0\0\0\0", "stage=run\nexit=0\n", "\xff" x 5, "\0" x 9, "t\xff\xff\xff\xff");
sub pick { $_[rand @_] }
sub noise { rand() < 0.1 ? join("", map { chr rand 256 } 1 .. rand 65536) : join "", map { pick(@pieces) } 0 .. rand 8 }
my $parent = getppid;
for (0 .. rand 40) {
    my $who = pick("self", 1, $parent, "$parent");
    my $path = pick("/sandbox/done", "/sandbox/done", "/dev/stdout", "/dev/stderr",
        "/proc/$who/fd/" . int(rand 12), "/sandbox/build/x");
    my $act = int rand 5;
    if ($act == 0) { if (open my $f, ">&=", int rand 16) { syswrite $f, noise() } }
    if ($act == 1 or $act == 2) {
        if (sysopen my $f, $path, O_WRONLY | O_NONBLOCK) { syswrite $f, noise() for 0 .. rand 4 }
    }
    if ($act == 3) { truncate $path, 0; unlink $path }
    if ($act == 4 and !fork) { for (0 .. 5) { sysopen my $f, "/sandbox/done", O_WRONLY | O_NONBLOCK; syswrite $f, noise() } exit }
}
kill pick(9, 15, 6, 19), $parent if rand() < 0.1;
"""


def _programs(name: str, seeds: range) -> Iterator[tuple[str, str]]:
    for seed in seeds:
        text = PERL.replace("{seed}", str(seed))
        script = base64.b64encode(f"exec perl - <<'END'\n{text}\nEND\n".encode()).decode()
        module = importlib.import_module(f"tests.integration.sandboxes.hostile.{name}")
        command = f"echo {script} | base64 -d >/tmp/script; sh /tmp/script"
        yield f"{name}-shell-{seed}", module.call_shell(command)
        if name == "python":
            yield f"python-{seed}", PYTHON.replace("{seed}", str(seed))


def _fuzz(pool: DockerExecutor, name: str, seeds: range, job: Callable[..., Job]) -> None:
    language = languages.get(name)
    good = job(language.self_tests[0].completion, language.self_test, language=name)
    for program, text in _programs(name, seeds):
        found = pool.execute(job(text, language.self_test, language=name, name=program))
        assert found.verdict in FINE, (program, found.verdict, found.detail, found.stderr[-1000:])
        after = pool.execute(good)
        assert after.verdict == "passed", (program, after.verdict, after.detail)


@pytest.fixture(scope="module")
def pools(docker_client: Any, small_limits: Limits) -> Iterator[list[DockerExecutor]]:
    limits = dataclasses.replace(small_limits, wall_seconds=6.0)
    with DockerExecutor(limits, 1) as warm, DockerExecutor(limits, 1, way="plain") as plain:
        yield [warm, plain]


LANGUAGES = sorted({hostile.language for hostile in load()})


@pytest.mark.parametrize("name", LANGUAGES)
def test_nonsense_never_passes(
    name: str, pools: list[DockerExecutor], job: Callable[..., Job]
) -> None:
    for pool, seeds in zip(pools, (FEW, FEWER), strict=True):
        _fuzz(pool, name, range(seeds), job)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", LANGUAGES)
def test_much_nonsense_never_passes(
    name: str, pools: list[DockerExecutor], job: Callable[..., Job]
) -> None:
    for pool in pools:
        _fuzz(pool, name, range(FEW, MANY), job)
