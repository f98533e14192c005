"""Writes what a night leaves for people and machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.nightly.junit import junit
from reports.nightly.markdown import markdown
from reports.write import replace

LATEST = "latest"


def write(place: Path, doc: dict[str, Any]) -> None:
    """summary.json, summary.md and junit.xml in `place`/latest, each replaced whole."""
    folder = place / LATEST
    folder.mkdir(exist_ok=True)
    replace(folder / "summary.json", json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    replace(folder / "summary.md", markdown(doc))
    replace(folder / "junit.xml", junit(doc))
