"""Prompt, completion and test to what a sandbox runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.records import Evidence, Job, UserError
from sandboxes.languages import Language


@dataclass(frozen=True)
class Case:
    """One run of a program: its input, and the output that is expected of it (None: any)."""

    stdin: bytes = b""
    expected: str | None = None


@dataclass(frozen=True)
class Assembled:
    """The source, the line (from 1) that its test starts on, and the runs that make up the test.

    judge: the files of a judge that holds the test instead of the program: ``prompt``, ``test`` (on
    the lines that it has in the whole program) and ``entry``. Empty where there is no judge.
    """

    source: bytes
    test_line: int
    cases: tuple[Case, ...]
    judge: Mapping[str, bytes] = field(default_factory=dict)


def _fill(template: str, **values: str) -> str:
    """Replaces each ``{name}`` once, left to right; what was put in is never looked at again."""
    out, rest = [], template
    while rest:
        places = [(rest.find("{" + name + "}"), name) for name in values]
        found = [place for place in places if place[0] >= 0]
        if not found:
            break
        at, name = min(found)
        out += [rest[:at], values[name]]
        rest = rest[at + len(name) + 2 :]
    return "".join(out) + rest


def _document(job: Job, key: str) -> list[Any]:
    """The list under `key` of a test that is a JSON document."""
    try:
        found = json.loads(job.test)[key]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"test of {job.entry_point or job.program_hash[:12]} ({job.language}): a test of kind"
            f" {job.kind} is a JSON object with the key {key!r}: {error}"
        ) from error
    if not isinstance(found, list) or not found:
        raise UserError(f"test of {job.entry_point}: {key!r} must be a list with an entry")
    return found


def _calls(job: Job, language: Language) -> str:
    if language.calls is None:
        raise UserError(
            f"tests of kind `calls` are not supported for {language.name}: "
            "write them as kind `program`"
        )
    write = repr if language.calls.literal == "python" else json.dumps
    lines = [
        _fill(
            language.calls.line,
            entry_point=job.entry_point,
            args=write(call["args"]),
            expected=write(call["expected"]),
            number=str(number),
        )
        for number, call in enumerate(_document(job, "calls"))
    ]
    return "\n".join(lines) + "\n"


def assemble(job: Job, language: Language, evidence: Evidence = "completed") -> Assembled:
    """What runs for a job: one program, or at `isolated` the program and its judge's files.

    A test on standard input needs no judge: what it expects never enters the sandbox.
    Raises UserError where the test is malformed or its kind unsupported.
    """
    body = job.prompt + job.completion
    if job.kind == "stdin":
        cases = tuple(
            Case(str(case["input"]).encode(), str(case["output"]))
            for case in _document(job, "cases")
        )
        return Assembled(_encode(body), body.count("\n") + 2, cases)
    if job.kind == "calls":
        before, test = body + "\n", _calls(job, language)
    else:
        head, _, tail = language.assemble.partition("{test}")
        parts = {"prompt": job.prompt, "completion": job.completion}
        before = _fill(head, **parts, entry_point=job.entry_point)
        test = _fill("{test}" + tail, test=job.test, entry_point=job.entry_point)
    line = before.count("\n") + 1
    if evidence != "isolated":
        return Assembled(_encode(before + _marked(test, language)), line, (Case(),))
    files = {
        "prompt": _encode(job.prompt),
        "test": _encode("\n" * (line - 1) + test),
        "entry": _encode(job.entry_point),
    }
    return Assembled(_encode(body + language.alone), line, (Case(),), files)


def _marked(test: str, language: Language) -> str:
    """A test between the lines that its launcher waits for, each on a line of its own."""
    marked = language.start or language.end
    return f"\n{language.start}\n{test}\n{language.end}\n" if marked else test


def _encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no file could hold, becomes a question mark."""
    return text.encode("utf-8", "replace")


def same_output(expected: str, found: str) -> bool:
    """Whether a program's output is the expected one, blanks at line ends and the end aside."""

    def lines(text: str) -> list[str]:
        return [line.rstrip() for line in text.rstrip().splitlines()]

    return lines(expected) == lines(found)
