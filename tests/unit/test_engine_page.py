"""docs/engine.md and its figures are generated from the recorded results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> str:
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def test_the_page_is_generated_from_the_results() -> None:
    page = (ROOT / "docs" / "engine.md").read_text()
    assert run("tools/engine_docs.py") == page, "run: make docs"


def test_the_figures_are_generated_from_the_results(tmp_path: Path) -> None:
    run("tools/engine_figures.py", str(tmp_path))
    made = {path.name: path.read_text() for path in tmp_path.glob("*.svg")}
    there = {path.name: path.read_text() for path in (ROOT / "docs" / "engine").glob("*.svg")}
    assert made == there, "run: make docs"
