"""Which tests constant programs pass: findings as data of the package, one file a benchmark and
language, matched by the content of the test so that a changed test is not blamed for its elder."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline.records import UserError

HASH = 16  # hexadecimal digits of a test's hash that are kept


@dataclass(frozen=True, slots=True)
class Findings:
    """What the constant programs of one benchmark and language were seen to do."""

    benchmark: str
    language: str
    toolchain: str
    image: str  # digest
    evidence: str
    constants: Mapping[str, Sequence[str]]  # completions' forms by name, as they were run
    tests: tuple[str, ...]  # hash of every test that was run, in the order of the problems
    weak: Mapping[str, tuple[str, ...]]  # test hash: names of the constants that pass it
    tasks: Mapping[str, str]  # test hash: task id, of the weak ones

    @property
    def file_name(self) -> str:
        return f"{self.benchmark}-{self.language}.json"

    def write(self, folder: Path) -> Path:
        """Writes the file whole; one line a weak problem, so that changes can be read."""
        head: dict[str, Any] = {
            "benchmark": self.benchmark,
            "language": self.language,
            "toolchain": self.toolchain,
            "image": self.image,
            "evidence": self.evidence,
            "constants": {name: list(forms) for name, forms in self.constants.items()},
            "problems": len(self.tests),
        }
        rows = [json.dumps([self.tasks[test], test, *self.weak[test]]) for test in self.weak]
        lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
        lines += [' "weak": [', *(f"  {row}," for row in rows[:-1]), *(f"  {r}" for r in rows[-1:])]
        lines += [" ],", f' "tests": {json.dumps(" ".join(self.tests))}']
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.file_name
        part = path.with_suffix(".part")
        part.write_text("\n".join(["{", *lines, "}", ""]))
        os.replace(part, path)
        return path


def parse(text: str, source: str) -> Findings:
    """The findings of a file. Raises UserError that names it where it is not one."""
    try:
        found = json.loads(text)
        weak = {test: tuple(names) for _, test, *names in found["weak"]}
        return Findings(
            **{key: found[key] for key in ("benchmark", "language", "toolchain", "image")},
            evidence=found["evidence"],
            constants={name: tuple(forms) for name, forms in found["constants"].items()},
            tests=tuple(found["tests"].split()),
            weak=weak,
            tasks={test: task for task, test, *_ in found["weak"]},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{source}: no findings of constant programs ({error}): make it again with"
            " `forkeval data weak`"
        ) from error


def folder() -> Path:
    """Where the package keeps its findings."""
    return Path(str(resources.files("benchmarks_data"))) / "weak_tests"


def read(directory: Path) -> list[Findings]:
    """Every findings file of a directory, by name."""
    return [parse(path.read_text(), str(path)) for path in sorted(directory.glob("*.json"))]


@functools.cache
def shipped() -> tuple[Findings, ...]:
    """The findings that the package holds."""
    return tuple(read(folder()))


def passed_by(language: str, test_hash: str) -> tuple[str, ...] | None:
    """The constants that pass a test, () for none of them; None where they have not been run."""
    return _by_test().get((language, test_hash[:HASH]))


@functools.cache
def _by_test() -> Mapping[tuple[str, str], tuple[str, ...]]:
    return {
        (found.language, test): found.weak.get(test, ())
        for found in shipped()
        for test in found.tests
    }
