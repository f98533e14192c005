"""Charts with two logarithmic axes: points where they belong, files that stand alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from reports.log_chart import log_chart
from reports.svg import Frame, Line

FRAME = Frame(640, 340, "b", "ms")


def points(svg: str) -> list[list[tuple[float, float]]]:
    found = re.findall(r'<polyline class="[^"]*" points="([^"]*)"', svg)
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in f.split())] for f in found]


def test_equal_factors_are_equal_distances() -> None:
    lines = [Line("a", [1, 10, 100], [2, 20, 200]), Line("b", [1, 10, 100], [4, None, 4])]
    svg = log_chart("x", "title", "what it shows", lines, FRAME)
    root = ET.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    first, second = points(svg)
    (x0, y0), (x1, y1), (x2, y2) = first
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.05)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.05)
    assert y0 > y1  # larger values stand higher
    assert len(second) == 2
    assert second[0][1] == second[1][1]


def test_a_chart_without_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="title: no line"):
        log_chart("x", "title", "", [Line("a", [1, 2], [3, None])], FRAME)
