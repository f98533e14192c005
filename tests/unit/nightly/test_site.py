"""The site: self-contained pages, links that lead somewhere, and a long history in seconds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from made_nights import Nights
from pages import Reader, read

from pipeline.history import History
from pipeline.nightly import site

PASS = {"metric": "pass@1", "cells": "mini", "fall": "noise"}


def links(page: Path, reader: Reader) -> list[Path]:
    found = [str(a["href"]) for a in reader.all("a")]
    return [(page.parent / unquote(href)).resolve() for href in found if not href.startswith("#")]


def check(page: Path) -> Reader:
    """A page that needs no network and whose links lead to files."""
    reader = read(page)
    for name in ("src", "xlink:href"):
        assert not [attributes for _, attributes in reader.elements if attributes.get(name)]
    assert not [a for a in reader.all("link") if a["href"] != "data:,"]
    for target in links(page, reader):
        assert target.is_file(), target
    return reader


def test_trends_reports_and_series_are_linked(tmp_path: Path) -> None:
    nights = Nights(tmp_path, gates=[PASS])
    for number, chance in enumerate((0.6, 0.6, 0.2), start=1):
        nights.run(chance, seed=number)
    page = nights.place / "site" / "index.html"
    reader = check(page)
    assert "night 3: 2 of 2 gates failed" in " ".join(reader.texts).lower()
    targets = links(page, reader)
    reports = [target for target in targets if target.name == "report.html"]
    assert {report.parts[-3] for report in reports} == {
        "replayed--mini--python--t0.8",
        "replayed--mini--java--t0.8",
    }
    series = [target for target in targets if target.parent.name == "series"]
    assert len(series) == 2
    for target in series:
        own = check(target)
        assert len([a for a in own.all("svg") if a.get("role") == "img"]) >= 4
        assert len(own.all("polygon")) >= 2  # intervals, wide and narrow
        hover = [text for text in own.texts if text.startswith("night 3: ")]
        assert hover  # marks say what they are
        marks = [a for a in own.all("circle") if "t8" in str(a["class"])]
        assert len(marks) == 2  # the failed gate, wide and narrow


def test_a_model_name_cannot_break_a_page(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.write(models=[{"name": "gone", "completions": [str(tmp_path / "<b>&gone.jsonl")]}])
    assert nights.run() == 2
    text = (nights.place / "site" / "index.html").read_text()
    assert "<b>&gone" not in text
    assert "&lt;b&gt;&amp;gone" in text


NIGHTS, CELLS = 1000, 100


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of 1,000 nights of 100 cells, with five figures each."""
    place = tmp_path_factory.mktemp("long")
    with History(place / "history.duckdb") as history:
        history.rows(
            "INSERT INTO nights SELECT i, TIMESTAMP '2024-01-01' + INTERVAL 1 DAY * i, "
            "TIMESTAMP '2024-01-01' + INTERVAL 1 DAY * i, 3600, 'held', FALSE "
            f"FROM range(1, {NIGHTS + 1}) t(i)"
        )
        history.rows(
            "INSERT INTO cells SELECT i, format('model{}/mbxp/lang{}/s', c // 10, c % 10), '', "
            "NULL, c, 'done', '', format('runs/{:05d}/cell-{}', i, c), 30, 20, 'p', "
            "[20, 20, 20], [1, 2, 3], '{}', TRUE "
            f"FROM range(1, {NIGHTS + 1}) t(i), range({CELLS}) u(c)"
        )
        history.rows(
            "INSERT INTO figures SELECT night, series, '', m, 0.4 + 0.1 * sin(night / 50.0), "
            "0.35 + 0.1 * sin(night / 50.0), 0.45 + 0.1 * sin(night / 50.0) FROM cells, "
            "(VALUES ('pass@1'), ('pass@10'), ('truncation'), ('infrastructure_errors'), "
            "('tokens_per_second')) v(m)"
        )
        history.rows(
            "INSERT INTO gates SELECT night, 0, series, '', 'pass@1', "
            "CASE WHEN hash(night, series) % 100 = 0 THEN 'failed' ELSE 'held' END, "
            "0.4, 0.4, 0.5, 'said' FROM cells"
        )
    return place


def test_a_thousand_nights_of_a_hundred_cells(long: Path) -> None:
    doc: dict[str, Any] = {
        "name": "long", "night": NIGHTS, "outcome": "held", "tests": 100, "gates": [], "cells": [],
        "started": "2026-09-27 22:00:00",
        "flaky": {"executed": 0, "found": 0, "quarantined": []},
    }  # fmt: skip
    with History(long / "history.duckdb") as history:
        started = time.process_time()
        index = site.write(long, history, doc)
        spent = time.process_time() - started
    assert spent < 20, f"{spent:.1f} s"  # of the CPU: the machine may be busy with other things
    pages = list((index.parent / "series").iterdir())
    assert len(pages) == CELLS
    reader = read(pages[0])
    line = next(a for a in reader.all("polyline"))
    assert len(str(line["points"]).split()) == NIGHTS
    print(f"site of {NIGHTS:,} nights x {CELLS} cells: {spent:.1f} s of CPU")
