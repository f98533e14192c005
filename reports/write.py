"""Writes a report: metrics.json, report.md and report.html."""

from __future__ import annotations

import json
import os
from pathlib import Path

from reports.data import ReportInput
from reports.document import document, jsonable
from reports.markdown import markdown
from reports.page import page
from reports.problem_data import problem_data
from reports.tally import Placer, tally


def render(source: ReportInput, out_dir: Path) -> Path:
    """Writes the three files into `out_dir` (made if absent) and returns the path of the page.

    Each file is replaced whole. Floats in metrics.json have full precision; null stands for what is
    undefined. Raises UserError where the tables hold no problem.
    """
    counts = tally(source)
    doc = jsonable(document(source, counts))
    texts = problem_data(source, counts, Placer(source.problems, source.n))
    out_dir.mkdir(parents=True, exist_ok=True)
    replace(out_dir / "metrics.json", json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    replace(out_dir / "report.md", markdown(doc))
    replace(out_dir / "report.html", page(doc, texts))
    return out_dir / "report.html"


def replace(path: Path, content: str) -> None:
    """The file whole or not at all, also for a reader that looks meanwhile."""
    part = path.with_name(path.name + ".part")
    # A candidate's text may hold lone surrogates, which UTF-8 cannot.
    part.write_bytes(content.encode("utf-8", errors="replace"))
    os.replace(part, path)
