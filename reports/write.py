"""Writes a report: metrics.json, report.md, report.html and its curves as files in figures/."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from reports.curve_files import report_files
from reports.data import ReportInput
from reports.document import document, jsonable
from reports.markdown import markdown
from reports.page import page
from reports.problem_data import problem_data
from reports.tally import Placer, tally


def render(source: ReportInput, out_dir: Path) -> Path:
    """Writes the files into `out_dir` (made if absent) and returns the path of the page.

    Each file is replaced whole. Floats in metrics.json have full precision; null stands for what is
    undefined. Raises UserError where the tables hold no problem.
    """
    counts = tally(source)
    doc = jsonable(document(source, counts))
    texts = problem_data(source, counts, Placer(source.problems, source.n))
    out_dir.mkdir(parents=True, exist_ok=True)
    replace(out_dir / "metrics.json", json.dumps(doc, indent=1, ensure_ascii=False) + "\n")
    replace(out_dir / "report.md", markdown(doc))
    write_figures(out_dir / "figures", report_files(doc))
    replace(out_dir / "report.html", page(doc, texts))
    return out_dir / "report.html"


def write_figures(folder: Path, files: Mapping[str, str], ours: Sequence[str] = ("*",)) -> None:
    """These files; what an earlier page drew and this one cannot would mislead, and is removed.

    ours: patterns of the names, without suffix, that such files may have.
    """
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        replace(folder / name, content)
    for path in {path for pattern in ours for path in folder.glob(f"{pattern}.*")}:
        if path.suffix in (".svg", ".csv", ".part") and path.name not in files:
            path.unlink()


def replace(path: Path, content: str) -> None:
    """The file whole or not at all, also for a reader that looks meanwhile."""
    part = path.with_name(path.name + ".part")
    # A candidate's text may hold lone surrogates, which UTF-8 cannot.
    part.write_bytes(content.encode("utf-8", errors="replace"))
    os.replace(part, path)
