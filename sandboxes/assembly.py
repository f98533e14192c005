"""Prompt, completion and test to what a sandbox runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pipeline.records import Job, UserError
from sandboxes.languages import Language


@dataclass(frozen=True)
class Case:
    """One run of a program: its input, and the output that is expected of it (None: any)."""

    stdin: bytes = b""
    expected: str | None = None


@dataclass(frozen=True)
class Assembled:
    """The source, the line (from 1) that its test starts on, and the runs that make up the test."""

    source: bytes
    test_line: int
    cases: tuple[Case, ...]


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


def assemble(job: Job, language: Language) -> Assembled:
    """What runs for a job. Raises UserError where the test is malformed or its kind unsupported."""
    body = job.prompt + job.completion
    if job.kind == "stdin":
        cases = tuple(
            Case(str(case["input"]).encode(), str(case["output"]))
            for case in _document(job, "cases")
        )
        return Assembled(_encode(body), body.count("\n") + 2, cases)
    if job.kind == "calls":
        text = _ended(body + "\n" + _calls(job, language), language)
        return Assembled(_encode(text), body.count("\n") + 2, (Case(),))
    before, _, _ = language.assemble.partition("{test}")
    parts = {"prompt": job.prompt, "completion": job.completion}
    start = _fill(before, **parts).count("\n") + 1
    text = _fill(language.assemble, **parts, test=job.test, entry_point=job.entry_point)
    return Assembled(_encode(_ended(text, language)), start, (Case(),))


def _ended(text: str, language: Language) -> str:
    """A program with the line that its launcher waits for, on a line of its own."""
    return f"{text}\n{language.end}\n" if language.end else text


def _encode(text: str) -> bytes:
    """UTF-8; a lone surrogate, which no file could hold, becomes a question mark."""
    return text.encode("utf-8", "replace")


def same_output(expected: str, found: str) -> bool:
    """Whether a program's output is the expected one, blanks at line ends and the end aside."""

    def lines(text: str) -> list[str]:
        return [line.rstrip() for line in text.rstrip().splitlines()]

    return lines(expected) == lines(found)
