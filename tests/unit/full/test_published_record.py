"""The recorded verdicts, their causes, and the page made of them belong together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.full.published_causes import attribute, load_causes
from tests.full.published_results import FOLDER, Result, load_all

ROOT = Path(__file__).resolve().parents[3]
RESULTS = load_all()
CAUSES = load_causes()
WANTED = yaml.safe_load((FOLDER / "reference.yaml").read_text())["wanted"]


def _key(result: Result) -> str:
    return f"{result.set}/{result.language}"


@pytest.mark.parametrize("page", ["languages", "long_checks"])
def test_the_page_is_generated_from_the_results(page: str) -> None:
    done = subprocess.run(
        [sys.executable, f"tools/{page}_docs.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / "docs" / f"{page}.md").read_text(), "run: make docs"


def test_there_are_results() -> None:
    assert {"python", "java", "javascript"} <= {result.language for result in RESULTS}
    assert set(CAUSES) <= {_key(result) for result in RESULTS}


@pytest.mark.parametrize("result", RESULTS, ids=_key)
def test_each_program_has_one_verdict(result: Result) -> None:
    assert not set(result.passed) & set(result.failed)
    assert len(set(result.passed)) == len(result.passed)
    assert set(result.retried) <= {*result.passed, *result.failed}


@pytest.mark.parametrize("result", RESULTS, ids=_key)
def test_causes_are_those_of_programs_that_fail(result: Result) -> None:
    causes = CAUSES.get(_key(result), ())
    found = attribute(result, causes)
    for cause, tasks in found.causes:
        assert tasks or cause.gained, cause.text
        assert set(cause.programs) <= set(result.failed), "a program that passes has a cause"
        assert set(cause.gained) <= set(result.passed), "a gained program fails"
    if result.set.endswith("_canonical"):
        assert not found.rest, "a canonical solution fails without a cause in causes.yaml"


@pytest.mark.parametrize(
    "result", [r for r in RESULTS if "least" in WANTED.get(_key(r), ())], ids=_key
)
def test_counts_are_reached(result: Result) -> None:
    """By exit status, as they were counted; docs/languages.md has both counts."""
    ended_early = result.counts.get("incomplete", 0)
    assert result.programs == WANTED[_key(result)]["of"]
    assert len(result.passed) + ended_early >= WANTED[_key(result)]["least"]
