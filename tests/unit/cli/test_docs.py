"""The help text in the docs is the program's own."""

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
