"""The languages that programs are run in: one folder each, with a Dockerfile and a language.yaml.

A folder is all that a language needs. Keys of language.yaml:

- ``debian``: the Debian release that the image is built from.
- ``file``: the name that the program is written to.
- ``compile``, ``run``: commands; ``{source}`` is the program's path, ``{build}`` the directory for
  what the compiler writes, ``{heap_mib}`` three quarters of the memory limit. A run command that
  ends in a launcher of the folder gives the evidence `completed`.
- ``warm``: ``compile`` and ``run`` commands of processes that stay between jobs, and ``jobs``,
  after how many of them they are replaced. Verdicts do not depend on them.
- ``isolated``: the commands of the evidence `isolated`: ``program`` runs prompt and completion and
  answers calls on descriptor 3; ``judge`` runs the test (files ``prompt``, ``test`` and ``entry``
  in its directory, ``{judge}``) with the nonce on descriptor 3, and calls the program on descriptor
  4. ``warm``: whether the warm run command serves ("program", "judge") both as well. Absent: the
  language has `completed` alone.
- ``fast``: ``compile`` and ``run`` commands that end as those above do, in less time; used where
  warm processes are.
- ``reference``: the shell command that a plain harness would use; the benchmark's yardstick.
- ``version``: a command whose first line names the toolchain.
- ``environment``: environment variables of every process in the sandbox.
- ``reserve``: memory and processes that the sandbox has on top of the job's limits, for the warm
  processes and the runtime's own threads.
- ``limits``: fields of `pipeline.records.Limits` that replace those of the run, for this language.
- ``shared``: files of other folders here that the image is built from too, such as
  ``javascript/launcher.js``; they lie in the build context under their last name.
- ``assemble``: how prompt, completion and test are joined; ``calls``: how a test of the kind
  `calls` is written (absent where it is not supported).
- ``start``, ``end``: lines around the test, by which the launcher or compiler sees that the test
  was neither skipped nor quoted away; for languages where a program can look as if it had run to
  its end.
- ``alone``: what follows a program that is isolated from its test.
- ``truncation``: where a completion ends: ``grammar``, a tree-sitter grammar (its package
  ``tree-sitter-...`` is a dependency of ours), and ``end``: ``function``, the closing of the
  function that the prompt began, where the test goes on inside what surrounds it or nothing does;
  ``outermost``, the closing of all that the prompt opened; ``margin``, the next statement at the
  margin. A grammar's name alone means `function`; without the key stop strings alone end it.
- ``stop``: the stop strings of the sampler: what can only follow the function, a new definition at
  the margin or the end of a Markdown block. They are scanned in the completion wherever they stand,
  so that one which a sound function may hold (a comment, a closing brace) cuts that function.
- ``wrong_answer``: patterns of "Type: message"; an exception that matches one and was raised on the
  test's own lines is a wrong answer, every other one a runtime error.
- ``wrong_answer_signal``: the signal and the pattern on standard error that mean the same, where a
  failed test ends in a trap; its group ``line`` is the line that must lie on the test.
- ``out_of_memory``: patterns of the same text that mean the memory ran out, wherever it was raised;
  ``out_of_memory_signal``: the signal and the pattern on standard error that mean the same.
- ``rules``: other ways to judge, by name: keys of this file that replace those above when a run
  asks for the rule (`execute.rules`).
- ``constants``: programs that ignore the task. ``values``: what they return, by name, in the forms
  that the language's types ask for; ``body`` completes a prompt with a ``{value}``; ``signature``
  finds the parts ``{first}`` (the first parameter's name) and ``{returns}`` (the type) in a prompt;
  ``{indent}`` is that of the prompt's last line. What lacks a part that it names is not run.
- ``self_tests``, ``self_test``: programs with the verdict each must get, and their test.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.records import VERDICTS, Limits, TruncationRule, UserError, digest

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class SelfTest:
    """A program and the verdict that a working image gives it."""

    verdict: str
    completion: str


@dataclass(frozen=True)
class Warm:
    """Commands of the processes that stay between jobs; empty for none."""

    compile: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    jobs: int = 1000


@dataclass(frozen=True)
class Isolated:
    """Commands of a program without its test, and of the judge that has the test."""

    program: tuple[str, ...]
    judge: tuple[str, ...]
    warm: bool = False  # whether the warm run command serves both


@dataclass(frozen=True)
class Fast:
    """Commands of the warm path; empty for those of the plain one."""

    compile: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calls:
    """How one call of a `calls` test is written; ``literal`` is python or json."""

    literal: str
    line: str


@dataclass(frozen=True)
class Crash:
    """A signal and a pattern on a line of standard error that together tell a verdict."""

    signal: int
    stderr: str


@dataclass(frozen=True)
class Constants:
    """Programs that return one value; `pipeline.benchmarks.constants` writes them."""

    signature: str  # a regular expression; {entry_point} stands for the function's name
    body: str
    values: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Reserve:
    memory_mib: int = 64
    pids: int = 16


@dataclass(frozen=True)
class Language:
    """A parsed language.yaml; its keys are described in this module's docstring."""

    name: str
    folder: Path
    debian: str
    file: str
    run: tuple[str, ...]
    version: tuple[str, ...]
    reference: str
    assemble: str
    self_tests: tuple[SelfTest, ...]
    self_test: str
    truncation: TruncationRule = field(default_factory=TruncationRule)
    compile: tuple[str, ...] = ()
    warm: Warm = Warm()
    fast: Fast | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    reserve: Reserve = Reserve()
    limits: Mapping[str, Any] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    isolated: Isolated | None = None
    calls: Calls | None = None
    constants: Constants | None = None
    start: str = ""
    end: str = ""
    alone: str = ""
    stop: tuple[str, ...] = ()
    wrong_answer: tuple[str, ...] = ()
    wrong_answer_signal: Crash | None = None
    out_of_memory: tuple[str, ...] = ()
    out_of_memory_signal: Crash | None = None
    rules: Mapping[str, Language] = field(default_factory=dict)
    rule: str = ""  # the rule that this is; "" for the language's own

    @property
    def has_warm_path(self) -> bool:
        return self.warm != Warm() or self.fast is not None

    def under(self, rule: str) -> Language:
        """The language as a rule of its judges it; itself for "". UserError for an unknown rule."""
        if not rule:
            return self
        if rule not in self.rules:
            known = ", ".join(self.rules) or "none"
            raise UserError(f"{self.name} has no rule {rule!r}: it has {known} (execute.rules)")
        return self.rules[rule]

    def execution_digest(self) -> str:
        """Of the keys that an execution may depend on, its limits aside, which have a hash of their
        own. A new stop string or self-test makes no earlier execution stale, nor does a key that
        this language does not use."""
        names = [f.name for f in dataclasses.fields(self) if f.name not in _NOT_OF_EXECUTIONS]
        used = {name: value for name in names if (value := getattr(self, name))}
        return digest(*(f"{name}: {value!r}" for name, value in used.items()))

    def limits_under(self, limits: Limits) -> Limits:
        """The run's limits, with this language's own where it has some."""
        return dataclasses.replace(limits, **self.limits)


# What only other parts read: benchmark, truncation, sampler, self-test, build. The image's tag
# stands for what it is built from, and rules are languages of their own.
_NOT_OF_EXECUTIONS = {
    "folder", "debian", "version", "reference", "truncation", "self_tests", "self_test",
    "constants", "stop", "limits", "rules", "shared",
}  # fmt: skip

# The keys whose values are records of their own.
_SECTIONS: dict[str, type] = {
    "warm": Warm,
    "isolated": Isolated,
    "fast": Fast,
    "reserve": Reserve,
    "calls": Calls,
    "constants": Constants,
    "truncation": TruncationRule,
    "wrong_answer_signal": Crash,
    "out_of_memory_signal": Crash,
}


def _section(kind: type, values: Any, where: str) -> Any:
    if not isinstance(values, dict):
        raise UserError(f"{where}: expected a mapping, found {type(values).__name__}")
    known = {f.name for f in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")
    lists_to_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**lists_to_tuples)
    except (TypeError, UserError) as error:
        raise UserError(f"{where}: {error}") from error


def parse(path: Path) -> Language:
    """Reads one language.yaml. Raises UserError that names the file and the key."""
    values = yaml.safe_load(path.read_text())
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping of keys")
    rules = values.pop("rules", {})
    if not isinstance(rules, dict) or not all(isinstance(keys, dict) for keys in rules.values()):
        raise UserError(f"{path}: rules: expected a mapping of names to mappings of keys")
    values |= {"name": path.parent.name, "folder": path.parent}
    ruled = {
        name: _language({**values, **keys, "rule": name}, f"{path}: rules.{name}")
        for name, keys in rules.items()
    }
    return _language({**values, "rules": ruled}, str(path))


def _language(values: dict[str, Any], where: str) -> Language:
    if isinstance(values.get("truncation"), str):
        values["truncation"] = {"grammar": values["truncation"], "end": "function"}
    for key, kind in _SECTIONS.items():
        if key in values:
            values[key] = _section(kind, values[key], f"{where}: {key}")
    values["self_tests"] = tuple(
        _section(SelfTest, test, f"{where}: self_tests") for test in values.get("self_tests", ())
    )
    language: Language = _section(Language, values, where)
    for test in language.self_tests:
        if test.verdict not in VERDICTS:
            raise UserError(f"{where}: self_tests: unknown verdict {test.verdict!r}")
    for key in language.limits:
        if key not in {f.name for f in dataclasses.fields(Limits)}:
            raise UserError(f"{where}: limits: unknown key {key!r}")
    crashes = [c for c in (language.wrong_answer_signal, language.out_of_memory_signal) if c]
    patterns = [*language.wrong_answer, *language.out_of_memory, *(c.stderr for c in crashes)]
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise UserError(f"{where}: pattern {pattern!r}: {error}") from error
    trap = language.wrong_answer_signal
    if trap and "line" not in re.compile(trap.stderr).groupindex:
        raise UserError(f"{where}: wrong_answer_signal: the pattern has no group (?P<line>...)")
    return language


def names() -> list[str]:
    """The languages that have a folder, in alphabetical order."""
    return sorted(path.parent.name for path in FOLDER.glob("*/language.yaml"))


@functools.cache
def load() -> Mapping[str, Language]:
    """Every language folder, by name."""
    return {name: parse(FOLDER / name / "language.yaml") for name in names()}


def get(name: str) -> Language:
    """One language. Raises UserError where it has no folder."""
    languages = load()
    if name not in languages:
        raise UserError(
            f"language {name!r} has no sandbox: known are {', '.join(languages)};"
            f" a folder sandboxes/languages/{name} adds it"
        )
    return languages[name]
