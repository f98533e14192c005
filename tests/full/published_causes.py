"""Why published programs do not pass: causes.yaml, laid over the recorded verdicts.

A set has a list of causes; each names its programs, or a pattern of "verdict: detail", and the
first that fits a program is its cause. A canonical solution that fails must have one. Of the
published completions only those are named whose verdict differs, or may differ, from the published
one: most fail because they are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.records import UserError
from tests.full.published_results import FOLDER, Result

KINDS = {
    "toolchain": "another version of a compiler, interpreter or library",
    "dataset": "a defect of the published problem, solution or test",
    "timeout": "a limit of time or memory",
    "evidence": "a pass that an exit status grants and `completed` does not",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some programs of a set fail. kind: of KINDS; text: one sentence or two."""

    kind: str
    text: str
    programs: tuple[str, ...] = ()
    matching: str = ""
    gained: tuple[str, ...] = ()  # programs that pass here and did not when they were published

    def fits(self, task_id: str, outcome: str) -> bool:
        named = task_id in self.programs
        return named or bool(self.matching and re.search(self.matching, outcome))


@dataclass(frozen=True, slots=True)
class Attribution:
    """causes: each with the failed programs that it explains; rest: failed ones without a cause."""

    causes: Sequence[tuple[Cause, Sequence[str]]]
    rest: Sequence[str]


def load_causes(path: Path = FOLDER / "causes.yaml") -> Mapping[str, tuple[Cause, ...]]:
    """Causes by set, as "mbxp_canonical/java". Raises UserError that names a wrong entry."""
    found = yaml.safe_load(path.read_text()) or {}
    return {
        name: tuple(_cause(entry, f"{path}: {name}[{i}]") for i, entry in enumerate(entries))
        for name, entries in found.items()
    }


def _cause(entry: Mapping[str, Any], where: str) -> Cause:
    unknown = set(entry) - {"kind", "text", "programs", "matching", "gained"}
    if unknown or entry.get("kind") not in KINDS or not entry.get("text"):
        raise UserError(f"{where}: wants kind ({', '.join(KINDS)}), text, programs or matching")
    names = {key: tuple(str(entry.get(key, "")).split()) for key in ("programs", "gained")}
    return Cause(entry["kind"], entry["text"], matching=entry.get("matching", ""), **names)


def attribute(result: Result, causes: Sequence[Cause]) -> Attribution:
    """Gives each failed program its first cause."""
    found: list[tuple[Cause, list[str]]] = [(cause, []) for cause in causes]
    rest = []
    for task, failed in result.failed.items():
        outcome = f"{failed.verdict}: {failed.detail}"
        for cause, tasks in found:
            if cause.fits(task, outcome):
                tasks.append(task)
                break
        else:
            rest.append(task)
    return Attribution(found, rest)
