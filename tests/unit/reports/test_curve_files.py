"""The curves of a report as files: SVG that stands alone, CSV with the report's own numbers."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from pages import read
from synthetic_run import synthetic_run

from reports import render

SVG = "{http://www.w3.org/2000/svg}"
Points = list[tuple[float | None, ...]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(synthetic_run(problems=6, n=12, k=(1, 10)), tmp_path_factory.mktemp("r")).parent


@pytest.fixture(scope="module")
def doc(written: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((written / "metrics.json").read_text())
    return found


def series(path: Path) -> tuple[list[str], dict[str, Points]]:
    """The header, and the points of each series: x, y, low, high; None where the field is empty."""
    head, *rows = csv.reader(path.read_text().splitlines())
    found: dict[str, Points] = {}
    for name, *values in rows:
        found.setdefault(name, []).append(tuple(float(v) if v else None for v in values))
    return head, found


def columns(*sequences: list[float | None]) -> Points:
    return list(zip(*sequences, strict=True))


def whole(doc: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(scope for scope in doc["scopes"] if scope["whole"])
    return found


def test_every_curve_of_the_page_is_an_svg_and_a_csv_with_the_same_points(written: Path) -> None:
    paths = sorted((written / "figures").iterdir())
    names = {path.stem for path in paths}
    assert {p.name for p in paths} == {
        f"{name}.{kind}" for name in names for kind in ("svg", "csv")
    }
    assert {"passk", "budget-tokens", "budget-money", "ranked-1-tokens-billed"} <= names
    drawn = [a["data-csv"] for a in read(written / "report.html").all("span") if "data-csv" in a]
    assert sorted(drawn) == sorted((written / "figures" / f"{n}.csv").read_text() for n in names)


def test_an_svg_says_all_that_its_reader_needs(written: Path) -> None:
    for path in (written / "figures").glob("*.svg"):
        root = ET.fromstring(path.read_text("utf-8"))
        assert root.tag == f"{SVG}svg"
        assert not any("href" in name for element in root.iter() for name in element.attrib)
        said = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
        head, found = series(path.with_suffix(".csv"))
        assert root.findtext(f"{SVG}title") in said
        assert {head[1], head[2]} <= set(said)  # both axes, with their units
        lines = root.findall(f".//{SVG}polyline")
        shown = [name for name in found if name in said]
        assert len(lines) == len(shown) > 0
        banded = sum(any(low is not None for _, _, low, _ in of) for of in found.values())
        assert len(root.findall(f".//{SVG}polygon")) == banded > 0
        assert "band: 95% interval" in said
        style = root.findtext(f"{SVG}style") or ""
        for line in lines:
            tone = line.attrib["class"].split()[1]
            assert f".line.{tone}" in style


def test_pass_at_k_has_the_report_s_numbers_and_its_band(
    written: Path, doc: dict[str, Any]
) -> None:
    head, found = series(written / "figures" / "passk.csv")
    assert head == ["series", "k, samples a problem", "pass@k", "low", "high"]
    curve = whole(doc)["curve"]
    assert found["all"] == columns(curve["k"], curve["value"], curve["low"], curve["high"])
    assert list(found) == ["python", "java", "javascript", "all"]
    java = next(scope["curve"] for scope in doc["scopes"] if scope.get("language") == "java")
    assert [point[:2] for point in found["java"]] == columns(java["k"], java["value"])


def test_budgets_and_rankers_have_the_report_s_numbers(written: Path, doc: dict[str, Any]) -> None:
    head, found = series(written / "figures" / "budget-tokens.csv")
    assert head[1] == "tokens a problem"
    curve = whole(doc)["curve"]
    ends = (curve["value"], curve["low"], curve["high"])
    assert found["billed"] == columns(curve["cost"]["tokens_billed"], *ends)
    assert found["shared"] == columns(curve["cost"]["tokens_shared"], *ends)
    head, found = series(written / "figures" / "ranked-1-tokens-billed.csv")
    assert head[2] == "pass@1"
    one = next(
        curve
        for curve in doc["ranked_curves"]
        if (curve["ranker"], curve["metric"]) == ("mean_logprob", "pass@1")
    )
    expected = columns(one["cost"]["tokens_billed"], one["value"], one["low"], one["high"])
    assert found["mean logprob"] == expected


def test_a_new_report_leaves_no_figure_of_the_old_one(tmp_path: Path) -> None:
    render(synthetic_run(problems=2, n=4, k=(1,)), tmp_path)
    assert list((tmp_path / "figures").iterdir())
    render(synthetic_run(problems=2, n=1, k=(1,)), tmp_path)  # one sample a problem: no curve
    assert not list((tmp_path / "figures").iterdir())
