"""docs/report.md is generated from the recorded figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_what_the_results_give() -> None:
    made = subprocess.run(
        [sys.executable, "tools/report_docs.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert made == (ROOT / "docs" / "report.md").read_text(), "run: make docs"
