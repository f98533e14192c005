"""Runs a Python program as `__main__`: once (`launcher.py FILE`), or by forking (`--serve`).

At the evidence `isolated` a program without its test answers a judge (`--program FILE`, and
`--judge FOLDER` for that one): see isolated_program.py and isolated_judge.py.

The server (server.c) forks a child for each job. The child becomes the job's user before it reads a
byte of the program, so nothing of a job ever enters the server, and a job has no right to touch it.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from _frozen_importlib_external import SourceFileLoader  # importlib's, without loading the package

TYPE_CHECKING = False  # as `typing` has it, without loading it for every plain program
if TYPE_CHECKING:
    from typing import Any

sys.path[0] = "/forkeval"
import completed  # type: ignore[import-not-found]  # noqa: E402  # built in the image

JOB, JUDGE = "/sandbox/job", "/sandbox/judge"
# What programs import most. Only modules whose import changes nothing that a program could see
# without importing them itself: no submodule of a package that the program would not load too.
COMMON = """
    array bisect cmath collections copy datetime decimal fractions functools hashlib heapq
    itertools json math numbers operator random re statistics string sys time typing
"""


def make_main(path: str) -> dict[str, Any]:
    """The namespace that the interpreter gives to the script at `path`, as module `__main__`."""
    main = type(sys)("__main__")
    main.__dict__.update(
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __cached__=None,
        __file__=path,
        __loader__=SourceFileLoader("__main__", path),
    )
    sys.modules["__main__"] = main
    sys.argv[:] = [path]
    return main.__dict__


def run_verb(verb: str, path: str) -> None:
    """What a command line asks for."""
    if verb == "judge":
        import isolated_judge  # type: ignore[import-not-found]

        del sys.path[0]
        run_judge(isolated_judge, path)
    elif verb == "program":
        import isolated_program  # type: ignore[import-not-found]

        sys.path[0] = os.path.dirname(path)
        isolated_program.run(make_main(path), path, completed.read(path))
    else:
        sys.path[0] = os.path.dirname(path)
        completed.run(make_main(path), path, completed.read(path))


def run_judge(judge: Any, folder: str) -> None:
    """Runs the test in `folder`."""
    os.environ["HOME"] = folder
    sys.argv[:] = [folder]
    judge.run(folder)


def make_stream(number: int, name: str, mode: str) -> None:
    """A standard stream as the interpreter makes it, over whatever the descriptor is then."""
    raw = open(number, mode + "b", closefd=False)  # noqa: SIM115  # lives as long as the job
    errors = "backslashreplace" if name == "stderr" else "strict"
    stream = io.TextIOWrapper(raw, "utf-8", errors, line_buffering=name == "stderr")
    stream.mode = mode  # type: ignore[misc]  # writable on a text stream, as `open` writes it
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def warm_up() -> None:
    """Compiles and runs a program of ours, so that every child finds done what the first one does:
    the compiler's tables are made, memory is at hand, and hot bytecode is specialised."""
    source = (
        "def double(xs):\n"
        "    return [x + x for x in xs if x]\n"
        "class Pair:\n"
        "    def __init__(self, a): self.a = a\n"
        "def check(f):\n"
        "    assert f([1, 2]) == [2, 4] and Pair(1).a == 1\n"
        "    try: f(None)\n"
        "    except TypeError as error: str(error)\n"
        "check(double)\n"
    )
    for _ in range(16):
        exec(compile(source, "main.py", "exec", dont_inherit=True), {"__name__": "warm_up"})


def serve() -> None:
    """Has server.c fork a child for each job that the runner asks for."""
    import isolated_judge
    import isolated_program
    import server  # type: ignore[import-not-found]  # built in the image

    for name in COMMON.split():
        __import__(name)
    warm_up()
    runner = os.dup(0)
    # A child finds its streams made: without input it reads the null device, and its output is a
    # pipe, which a stream cannot tell from this socket.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    make_stream(0, "stdin", "r")
    make_stream(1, "stdout", "w")
    make_stream(2, "stderr", "w")
    del sys.path[0]
    del sys.modules["server"]  # a plain program finds none, either
    gc.collect()
    gc.freeze()  # the collector then leaves the shared pages alone in every child
    # What a program needs is made here, since a child copies each page that it changes. Only a
    # child that runs one gets the path with the program's folder.
    source = JOB + "/main.py"
    namespace, program_path = make_main(source), [JOB, *sys.path]
    execute, answer, read = completed.run, isolated_program.run, completed.read

    def run(has_input: bool) -> None:
        if has_input:
            make_stream(0, "stdin", "r")  # a file that holds the test's input
        sys.path = program_path
        execute(namespace, source, read(source))

    def program(has_input: bool) -> None:
        if has_input:
            make_stream(0, "stdin", "r")
        sys.path = program_path
        answer(namespace, source, read(source))

    def judge(has_input: bool) -> None:
        run_judge(isolated_judge, JUDGE)

    server.even_out()
    server.serve(runner, (("run", JOB, run), ("program", JOB, program), ("judge", JUDGE, judge)))


if sys.argv[1] == "--serve":
    serve()
elif sys.argv[1].startswith("--"):
    run_verb(sys.argv[1][2:], sys.argv[2])
else:
    run_verb("run", sys.argv[1])
