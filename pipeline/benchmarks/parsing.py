"""Parsing in a process apart, since what is parsed is text that nobody has read.

A grammar's scanner is C code of many hands. It may loop for ever (tree-sitter-perl 2.0.3 does, on
an open here-document that holds ``$~``) or crash, and either would take this process with it. The
one apart has a limit on CPU time for each text, which no load on the machine shortens.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import traceback
from dataclasses import asdict

from pipeline.benchmarks.function_end import function_end
from pipeline.benchmarks.syntax import Found
from pipeline.records import TruncationRule, UserError

CPU_SECONDS = 10
MEMORY_BYTES = 4 << 30


class Parsing:
    """`function_end` of another process, which starts with the first question."""

    def __init__(self) -> None:
        self._asking = threading.Lock()  # one question at a time
        self._process: subprocess.Popen[str] | None = None

    def function_end(
        self, rule: TruncationRule, prompt: str, text: str
    ) -> tuple[int | None, Found]:
        """As `pipeline.benchmarks.function_end`; `unterminated` where the parser fails.

        Raises UserError where the rule's grammar is not installed.
        """
        if rule.end == "stop":
            return function_end(rule, prompt, text)
        with self._asking:
            answer = self._ask(json.dumps([asdict(rule), prompt, text]))
        if answer is None:
            return None, "unterminated"
        match json.loads(answer):
            case ["end", end, kind]:
                return end, kind
            case ["fault", str(message)]:
                raise UserError(message)
            case [_, trace]:
                raise RuntimeError(f"the parser's process failed:\n{trace}")
            case _:
                raise RuntimeError(f"the parser's process said {answer!r}")

    def close(self) -> None:
        """Ends the process; another question starts a new one."""
        with self._asking:
            self._end()

    def _ask(self, question: str) -> str | None:
        """The answer's line; None where the process ended over the question."""
        if self._process is not None and self._process.poll() is not None:
            self._end()  # it ended between two questions: no text is to blame
        process = self._process = self._process or _started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        except BaseException:  # the answer of a question that was given up is none of the next
            self._end()
            raise
        if answer.endswith("\n"):
            return answer
        self._end()
        return None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        text=True,
        encoding="ascii",
    )


def _serve() -> None:
    """Answers one line with one line until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for question in sys.stdin:
        used = sum(os.times()[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + CPU_SECONDS, hard))
        rule, prompt, text = json.loads(question)
        try:
            answer = ["end", *function_end(TruncationRule(**rule), prompt, text)]
        except UserError as fault:
            answer = ["fault", str(fault)]
        except Exception:
            answer = ["trace", traceback.format_exc()]
        print(json.dumps(answer), flush=True)


PARSING = Parsing()
atexit.register(PARSING.close)

if __name__ == "__main__":
    _serve()
