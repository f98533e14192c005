"""Writes a comparison: compare.json, compare.md, compare.html and the files in figures/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.comparison.budget_figure import budget_curve, curve_name
from reports.comparison.budgets import AXES
from reports.comparison.figure import figure_files
from reports.comparison.markdown import markdown
from reports.comparison.page import page
from reports.curve_files import curve_files
from reports.write import replace, write_figures

# Figures of a comparison; others in the folder, which the user named, are not touched.
OURS = (
    "differences-[0-9]*",
    *(curve_name(kind, axis.name) for kind in ("budget", "ranked-[0-9]*") for axis in AXES),
)


def write(doc: dict[str, Any], out_dir: Path) -> Path:
    """Writes the files into `out_dir` (made if absent) and returns the path of the page."""
    out_dir.mkdir(parents=True, exist_ok=True)
    replace(out_dir / "compare.json", json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    replace(out_dir / "compare.md", markdown(doc))
    write_figures(out_dir / "figures", drawn(doc), OURS)
    replace(out_dir / "compare.html", page(doc))
    return out_dir / "compare.html"


def drawn(doc: dict[str, Any]) -> dict[str, str]:
    """Every figure of the page: the differences of each run from the first, and the budgets."""
    curves = [budget_curve(one, doc["confidence"]) for one in doc["budgets"]["figures"]]
    found = curve_files(curves)
    for at, item in enumerate(doc["against"], start=1):
        found |= figure_files(f"differences-{at}", item, doc["confidence"])
    return found
