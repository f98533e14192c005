"""Writes a comparison: compare.json, compare.md and compare.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.comparison.markdown import markdown
from reports.comparison.page import page
from reports.write import replace


def write(doc: dict[str, Any], out_dir: Path) -> Path:
    """Writes the three files into `out_dir` (made if absent) and returns the path of the page."""
    out_dir.mkdir(parents=True, exist_ok=True)
    replace(out_dir / "compare.json", json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    replace(out_dir / "compare.md", markdown(doc))
    replace(out_dir / "compare.html", page(doc))
    return out_dir / "compare.html"
