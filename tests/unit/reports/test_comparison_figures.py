"""The figures of a comparison as files: SVG that stands alone, CSV with the document's numbers."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from pages import read
from synthetic_run import synthetic_run

from reports.comparison import Compared, Side, compared, write

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sides = [Side(f"run {i}", synthetic_run(i, problems=6, n=12, k=(1, 4))) for i in range(3)]
    return write(compared(Compared(sides[0], sides[1:])), tmp_path_factory.mktemp("c")).parent


@pytest.fixture(scope="module")
def doc(written: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((written / "compare.json").read_text())
    return found


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_every_figure_of_the_page_is_an_svg_and_a_csv_with_the_same_numbers(written: Path) -> None:
    paths = list((written / "figures").iterdir())
    names = {path.stem for path in paths}
    assert {p.name for p in paths} == {f"{n}.{kind}" for n in names for kind in ("svg", "csv")}
    assert {"differences-1", "differences-2", "budget-tokens", "ranked-1-tokens"} <= names
    drawn = [a["data-csv"] for a in read(written / "compare.html").all("span") if "data-csv" in a]
    assert sorted(drawn) == sorted((written / "figures" / f"{n}.csv").read_text() for n in names)


def test_differences_have_the_document_s_numbers(written: Path, doc: dict[str, Any]) -> None:
    for at, item in enumerate(doc["against"], start=1):
        found = rows(written / "figures" / f"differences-{at}.csv")
        expected = [
            (scope["name"], row["metric"], row["difference"], row["low"], row["p_adjusted"])
            for scope in item["scopes"]
            for row in scope["metrics"]
            if row["metric"].startswith("pass@") and row["low"] is not None
        ]
        assert expected == [
            (r["scope"], r["metric"], *(float(r[c]) for c in ("difference", "low", "p_adjusted")))
            for r in found
        ]
        root = ET.fromstring((written / "figures" / f"differences-{at}.svg").read_text())
        assert len(root.findall(f".//{SVG}circle")) == len(found) > 4
        said = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
        assert f"Differences of pass@k, run {at}" in said
        assert any(text.startswith("95% intervals for problems drawn anew") for text in said)
        assert not any("var(" in element.attrib.get("style", "") for element in root.iter())


def test_budgets_have_the_document_s_numbers(written: Path, doc: dict[str, Any]) -> None:
    figure = next(
        one
        for one in doc["budgets"]["figures"]
        if (one["axis"], one["metric"]) == ("tokens", "pass@k")
    )
    found = rows(written / "figures" / "budget-tokens.csv")
    for setting in figure["settings"]:
        own = [row for row in found if row["series"] == setting["label"]]
        assert [float(row["tokens a problem"]) for row in own] == setting["cost"]
        assert [float(row["pass@k"]) for row in own] == setting["value"]
        assert [float(row["high"]) for row in own] == setting["high"]
    root = ET.fromstring((written / "figures" / "budget-tokens.svg").read_text())
    assert len(root.findall(f".//{SVG}polyline")) == len(figure["settings"]) == 6
    assert "bands: 95% intervals" in root.itertext()


def test_a_comparison_without_a_figure_leaves_none_of_an_earlier_one(tmp_path: Path) -> None:
    for n, problems in ((4, 2), (1, 1)):
        sides = [Side(name, synthetic_run(i, problems=problems, n=n, k=(1,)))
                 for i, name in enumerate("ab")]  # fmt: skip
        write(compared(Compared(sides[0], sides[1:])), tmp_path)
        left = {path.stem for path in (tmp_path / "figures").iterdir()}
        assert ("budget-tokens" in left) == (n > 1)


def test_a_user_s_own_figures_in_the_folder_are_left(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    for name in ("passk.svg", "budget.csv", "differences.svg"):
        (tmp_path / "figures" / name).write_text("mine")
    sides = [Side(name, synthetic_run(i, problems=1, n=2, k=(1,))) for i, name in enumerate("ab")]
    write(compared(Compared(sides[0], sides[1:])), tmp_path)
    for name in ("passk.svg", "budget.csv", "differences.svg"):
        assert (tmp_path / "figures" / name).read_text() == "mine"
