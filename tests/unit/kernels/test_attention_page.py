"""docs/attention.md is generated from the recorded times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_is_generated_from_the_results() -> None:
    done = subprocess.run(
        [sys.executable, "tools/attention_docs.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / "docs" / "attention.md").read_text(), "run: make docs"
