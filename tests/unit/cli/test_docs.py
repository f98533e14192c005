"""The generated pages of the docs are what the program and its data give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_cli_page_is_generated_from_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "tools/cli_docs.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    page = (ROOT / "docs" / "cli.md").read_text()
    # Python versions wrap usage lines differently; the words are what must agree.
    assert done.stdout.split() == page.split(), "run: make docs"


def test_page_of_weak_tests_is_generated_from_the_findings() -> None:
    done = subprocess.run(
        [sys.executable, "tools/weak_tests_docs.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (ROOT / "docs" / "weak_tests.md").read_text(), "run: make docs"
