"""The long tests go on where a run was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.full.resume import Resume

pytest_plugins = ["pytester"]

SOURCE = """
import pathlib, pytest
@pytest.mark.full
def test_long(): pass
@pytest.mark.full
def test_broken(): assert pathlib.Path("mended").exists()
def test_short(): pass
"""


def outcome(pytester: pytest.Pytester, journal: Path, *arguments: str) -> tuple[list[str], int]:
    """Names of the tests that ran, and the exit status."""
    run = pytester.inline_run("-p", "no:cacheprovider", *arguments, plugins=[Resume(journal)])
    passed, _, failed = run.listoutcomes()
    return sorted(report.nodeid.split("::")[1] for report in [*passed, *failed]), int(run.ret)


def test_what_has_passed_is_not_run_again(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytester.makeini("[pytest]\nmarkers = full: takes long")
    pytester.makepyfile(test_it=SOURCE)
    journal = tmp_path / "full-tests" / "journal"
    every = ["test_broken", "test_long", "test_short"]
    assert outcome(pytester, journal) == (every, 1)
    assert outcome(pytester, journal) == (["test_broken", "test_short"], 1)
    (pytester.path / "mended").touch()
    assert outcome(pytester, journal, "-m", "full") == (["test_broken"], 0)
    assert outcome(pytester, journal, "-m", "full") == ([], 0)
    assert outcome(pytester, tmp_path / "another") == (
        ["test_broken", "test_long", "test_short"],
        0,
    )
