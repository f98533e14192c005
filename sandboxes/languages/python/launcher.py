"""Runs a Python program as `__main__`: once (`launcher.py FILE`), or by forking (`--serve`).

The server forks a child for each job. The child becomes the job's user before it reads a byte of
the program, so nothing of a job ever enters the server, and a job has no right to touch it.
"""

from __future__ import annotations

import gc
import io
import os
import resource
import sys

TYPE_CHECKING = False  # as `typing` has it, without loading it for every plain program
if TYPE_CHECKING:
    import socket

sys.path[0] = "/forkeval"
import completed  # type: ignore[import-not-found]  # noqa: E402  # built in the image

del sys.path[0]

JOB = "/sandbox/job"
# What programs import most. Only modules whose import changes nothing that a program could see
# without importing them itself: no submodule of a package that the program would not load too.
COMMON = """
    array bisect cmath collections copy datetime decimal fractions functools hashlib heapq
    itertools json math numbers operator random re statistics string sys time typing
"""


def run_program(path: str) -> None:
    """Executes the program with the namespace that the interpreter gives to a script."""
    from importlib.machinery import SourceFileLoader
    from types import ModuleType

    with open(path, "rb") as file:
        source = file.read()
    main = ModuleType("__main__")
    main.__dict__.update(
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __cached__=None,
        __file__=path,
        __loader__=SourceFileLoader("__main__", path),
    )
    sys.modules["__main__"] = main
    sys.argv[:] = [path]
    sys.path.insert(0, os.path.dirname(path))
    gc.enable()
    completed.run(main.__dict__, path, source)


def become_job(
    server: socket.socket, uid: int, cpu_seconds: int, processes: int, descriptors: list[int]
) -> None:
    """Turns a forked child into the job's process: its user, limits and descriptors."""
    os.setsid()
    server.detach()  # descriptors 0 and 1, replaced below
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(4, 32)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)  # from 0, so every capability goes with it
    os.chdir(JOB)
    # The streams as the interpreter makes them: those of the server remember another kind of file.
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        raw = open(number, mode + "b", closefd=False)  # noqa: SIM115  # lives as long as the job
        errors = "backslashreplace" if name == "stderr" else "strict"
        stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=name == "stderr")
        stream.mode = mode  # type: ignore[misc]  # writable on a text stream, as `open` writes it
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def serve() -> None:
    """Answers "run UID CPU_SECONDS PROCESSES" with "pid N", later "exit STATUS CPU_US RSS_KIB"."""
    import socket

    for name in COMMON.split():
        __import__(name)
    server = socket.socket(fileno=0)
    gc.collect()
    gc.freeze()  # the collector then leaves the shared pages alone in every child
    gc.disable()
    server.send(b"ready")
    while True:
        request, descriptors, _, _ = socket.recv_fds(server, 256, 8)
        if not request:
            return
        uid, cpu_seconds, processes = map(int, request.split()[1:])
        pid = os.fork()
        if pid == 0:
            become_job(server, uid, cpu_seconds, processes, descriptors)
            run_program(JOB + "/main.py")
        for descriptor in descriptors:
            os.close(descriptor)
        server.send(b"pid %d" % pid)
        _, status, used = os.wait4(pid, 0)
        spent = int((used.ru_utime + used.ru_stime) * 1e6)
        server.send(b"exit %d %d %d" % (status, spent, used.ru_maxrss))


if sys.argv[1] == "--serve":
    serve()
else:
    run_program(sys.argv[1])
