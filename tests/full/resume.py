"""Goes on with the long tests where a run was stopped: `pytest -p tests.full.resume -m full`.

A test marked `full` that has passed with the sources as they are is not run again. Any change of
the sandboxes, of what they are told or of the tests makes all of them due.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.records import digest

ROOT = Path(__file__).resolve().parents[2]
JOURNALS = ROOT / ".build" / "full-tests"
SOURCES = ("sandboxes", "pipeline", "tests")
RESULTS = ROOT / "sandboxes" / "results"  # the tests write it


def _journal() -> Path:
    parts = []
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            written = "__pycache__" in path.parts or RESULTS in path.parents
            if path.is_file() and not written:
                parts += [str(path.relative_to(ROOT)), path.read_bytes()]
    return JOURNALS / digest(*parts)[:16]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Resume(_journal()))


class Resume:
    """Drops the tests that the journal names, and names those that pass."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._passed: set[str] = set()
        self._wanted: set[str] = set()
        if journal.is_file():
            self._passed = set(journal.read_text().splitlines())

    @pytest.hookimpl(trylast=True)  # behind the choice by marks
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        long = [item for item in items if item.get_closest_marker("full")]
        done = [item for item in long if item.nodeid in self._passed]
        self._wanted = {item.nodeid for item in long}
        items[:] = [item for item in items if item not in done]
        config.hook.pytest_deselected(items=done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and report.nodeid in self._wanted:
            self._journal.parent.mkdir(parents=True, exist_ok=True)
            with self._journal.open("a") as file:
                file.write(report.nodeid + "\n")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._passed:
            session.exitstatus = pytest.ExitCode.OK  # all have passed before
