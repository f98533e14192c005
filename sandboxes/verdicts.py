"""What happened to a run, to a verdict.

A pass takes all of: exit status 0, exactly one report, that report carries the job's nonce and says
`completed`, and (for tests on standard output) the expected output. In order of precedence:

- anything on the report channel that a launcher would not have written: `forged`;
- ended for output, memory or time: `output_limit`, `out_of_memory`, `timeout`;
- the compiler refused, or the launcher could not parse the program: `compile_error`;
- an exception that reached the top: `wrong_answer` if it is of the test's own kind
  (``wrong_answer`` in language.yaml) and its innermost frame in the program lies on the test's
  lines, or it has no frames at all; else `runtime_error`, or `out_of_memory` by its type;
- a trap that standard error tells to be a failed assertion on the test's lines
  (``wrong_answer_signal``): `wrong_answer`;
- a signal or an exit status other than 0 without such a report: `runtime_error`;
- exit status 0 without a report: `incomplete`; asked for no more than `exit_status`, as a plain
  harness is, it passes.

Where a judge runs beside the program, the exit status is the judge's, and its report may also say
that the program sent what no program sends (`forged`), that it went away (`gone`: its own end
decides), or that the test's arguments are no plain data (`unfit`: no verdict; the job is run again
for `completed`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.records import Evidence, Verdict
from sandboxes.assembly import Case, same_output
from sandboxes.languages import Crash, Language
from sandboxes.protocol import Answer

_REPORT = re.compile(
    r"([0-9a-f]{32}) (completed|raised|compile|forged|gone|unfit) (\d+) ([ -~]*)\n"
)


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    detail: str  # one line: what decided
    unfit: bool = False  # no verdict: the test's arguments cannot be sent to another process


def _matches(patterns: tuple[str, ...], text: str) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


# Most compilers say "error"; Go's names line and column alone.
_ERROR = re.compile(r"(?i:^(?!\d+ error).*\berror\b.*\w)|^\S+:\d+:\d+: (?!warning|note)")


def _complaint(text: bytes) -> str:
    """The first line of a compiler's that names an error and where; the last of all if none does.

    The directory, which is the sandbox's own, is left out.
    """
    for line in text.decode("utf-8", "replace").splitlines():
        if _ERROR.search(line):
            return re.sub(r"^\S*/", "", line.strip())[:200]
    return _last_line(text)


def _ended_by_limit(answer: Answer, language: Language) -> Judged | None:
    stage = "compiling" if answer.stage == "compile" else "running"
    if answer.output_limit:
        return Judged("output_limit", f"wrote more than the limit while {stage}")
    if answer.oom_kills:
        return Judged("out_of_memory", f"killed for memory while {stage}")
    if answer.timeout_cpu:
        return Judged("timeout", f"CPU time ran out while {stage}")
    if answer.timeout_wall:
        return Judged("timeout", f"wall time ran out while {stage}")
    if _crashed(language.out_of_memory_signal, answer):
        return Judged("out_of_memory", "the runtime's heap is full")
    return None


def _crashed(how: Crash | None, answer: Answer) -> re.Match[str] | None:
    """The line on standard error that says so, where the run ended by the crash's signal."""
    if how is None or answer.signal != how.signal:
        return None
    return re.search(how.stderr, answer.stderr.decode("utf-8", "replace"), re.MULTILINE)


def judge(
    answer: Answer,
    nonce: str,
    test_line: int,
    case: Case,
    language: Language,
    evidence: Evidence = "completed",
) -> Judged:
    """The verdict of one run whose sandbox worked."""
    text = answer.report.decode("latin-1")
    report = _REPORT.fullmatch(text)
    if text and (report is None or report[1] != nonce):
        return Judged("forged", "something else was written to the launcher's report channel")
    limited = _ended_by_limit(answer, language)
    if limited:
        return limited
    if answer.stage == "compile":
        said = _complaint(answer.stderr) or _complaint(answer.stdout)
        return Judged("compile_error", said or f"compiler exited with {answer.exit_code}")
    if report and report[2] == "gone":
        return _gone(answer)
    if report and report[2] == "unfit":
        return Judged("infrastructure_error", report[4], unfit=True)
    if report and report[2] == "forged":
        return Judged("forged", f"a message that no program sends: {report[4]}")
    if report and report[2] != "completed":
        return _raised(report[2], int(report[3]), report[4], test_line, language)
    trapped = _crashed(language.wrong_answer_signal, answer)
    if trapped and int(trapped["line"]) >= test_line:
        return Judged("wrong_answer", trapped[0])
    if answer.signal:
        return Judged("runtime_error", f"killed by signal {answer.signal}")
    if answer.exit_code != 0:
        said = _last_line(answer.stderr)
        return Judged("runtime_error", f"exit status {answer.exit_code}" + (said and f": {said}"))
    if report is None and evidence != "exit_status":
        return Judged("incomplete", "exit status 0 before the end of the test")
    if case.expected is not None and not same_output(
        case.expected, answer.stdout.decode("utf-8", "replace")
    ):
        return Judged("wrong_answer", "standard output differs from the expected one")
    return Judged("passed", "completed" if report else "exit status 0, the test's end not seen")


def _gone(answer: Answer) -> Judged:
    """The program left before its judge was done with it."""
    if answer.program_signal:
        return Judged("runtime_error", f"killed by signal {answer.program_signal}")
    if answer.program_exit:
        return Judged("runtime_error", f"exit status {answer.program_exit}")
    return Judged("incomplete", "the program ended, or hung up, before the end of the test")


def _raised(how: str, line: int, what: str, test_line: int, language: Language) -> Judged:
    if _matches(language.out_of_memory, what):
        return Judged("out_of_memory", what)
    if how == "compile":
        return Judged("compile_error", f"line {line}: {what}")
    if (line == 0 or line >= test_line) and _matches(language.wrong_answer, what):
        return Judged("wrong_answer", f"line {line}: {what}")
    return Judged("runtime_error", f"line {line}: {what}")
