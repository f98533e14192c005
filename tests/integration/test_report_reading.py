"""Reading a report as a person does: search, keys, an opened problem, links, axe, and 200,000 rows.

Screenshots lie in the folder that FORKEVAL_SHOTS names, or in the test's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import HOSTILE, synthetic_run

from reports import render
from tests.integration.browsing import BROWSER, saved, serious, shot, visiting

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: tools/setup.sh browser")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = synthetic_run(problems=12, n=60, bodies=100)
    return render(source, tmp_path_factory.mktemp("reading"))


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Any]:
    """Opens the report; afterwards no error may have been seen."""
    with ExitStack() as visits:

        def opened(fragment: str = "", width: int = 1280, scheme: str = "light") -> Any:
            address = report.as_uri() + fragment
            return visits.enter_context(visiting(browser, address, width, scheme))

        yield opened


def title(page: Any) -> str:
    return str(page.locator("#problem-title").inner_text())


def test_a_problem_opens_to_its_prompt_and_programs(visit: Any, tmp_path: Path) -> None:
    page = visit()
    row = page.locator("#problems table.sortable tbody tr").nth(1)
    assert row.locator("th").inner_text() == "MBPP/3"
    row.locator("a").click()
    page.locator("details.program").first.wait_for()
    assert title(page).startswith("MBPP/3 in python: ")
    assert "def solve_1(values):" in page.locator("#problem-body pre").first.inner_text()
    drawn = [
        int(found[1])
        for text in page.locator("details.program summary").all_inner_texts()
        if (found := re.search(r"drawn (\d+)", text))
    ]
    assert drawn == sorted(drawn, reverse=True)
    assert drawn[0] > 1  # identical programs are one group
    assert sum(drawn) == 60
    assert page.locator("details.program[open] .hl-k").count() > 0
    shot(page, "problem", tmp_path)


def test_a_candidate_s_text_stays_text(visit: Any) -> None:
    page = visit("#mbxp/python/MBPP/2")
    page.locator("details.program[open] pre").first.wait_for()
    assert HOSTILE in page.locator("#problem-body pre").first.inner_text()
    assert page.evaluate("window.pwned") is None
    assert page.locator("#problem-box img").count() == 0


def test_verdicts_and_programs_are_filtered(visit: Any) -> None:
    page = visit("#mbxp/python/MBPP/4")
    page.locator("details.program").first.wait_for()
    every = page.locator("details.program").count()
    page.locator(".chip.v-passed").click()
    passed = page.locator("details.program")
    assert 0 < passed.count() < every
    assert all(text.startswith("passed") for text in passed.locator("summary").all_inner_texts())
    page.locator("#find-program").fill("no program holds this")
    assert passed.count() == 0
    assert "0 distinct programs" in page.locator("#problem-body output").inner_text()


def test_by_keyboard_alone(visit: Any, tmp_path: Path) -> None:
    page = visit()
    keys = page.keyboard
    keys.press("?")
    assert page.locator("#keys-box").is_visible()
    shot(page, "keys", tmp_path)
    keys.press("Escape")
    keys.press("/")
    keys.type("mbjp/5")
    assert page.locator("#found").inner_text() == "1 of 36 problems"
    keys.press("Escape")
    keys.press("j")
    keys.press("Enter")
    page.locator("details.program").first.wait_for()
    assert title(page).startswith("MBJP/5 in java")
    assert page.url.endswith("#mbxp/java/MBJP/5")
    keys.press("n")
    page.wait_for_function("document.getElementById('problem-title').textContent[5] === '6'")
    keys.press("v")
    assert page.locator(".chip[aria-pressed=true]").inner_text() != "all 60"
    keys.press("j")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    keys.press("Escape")
    assert not page.locator("#problem-box").is_visible()


def test_filters_of_the_table(visit: Any) -> None:
    page = visit()
    page.locator("#find-language").select_option("java")
    assert page.locator("#found").inner_text() == "12 of 36 problems"
    page.locator("#find-state").select_option("none")
    shown = page.locator("#problems table.sortable tbody tr:visible")
    texts = shown.locator("td:nth-child(4)").all_inner_texts()
    assert all(text.startswith("0 of") for text in texts)
    assert page.locator("#found").inner_text() == f"{len(texts)} of 36 problems"


def test_a_link_leads_to_a_sample(visit: Any) -> None:
    page = visit("#mbxp/javascript/MBJSP/5@37")
    page.locator("details.program[open] pre").first.wait_for()
    assert title(page).startswith("MBJSP/5 in javascript")
    link = page.locator("details.program[open] .note a").get_attribute("href")
    first = int(link.rsplit("@", 1)[1])
    group = page.evaluate(
        "unpack(opened).then((data) => data.groups.find((one) => one.samples.includes(37)).samples)"
    )
    assert 37 in group
    assert first == group[0]


@pytest.mark.parametrize("width", [1280, 390])
def test_search_and_filters_stand_apart(visit: Any, width: int) -> None:
    page = visit(width=width)
    boxes = [one.bounding_box() for one in page.locator("#finder > *").all()]
    for left, right in pairwise(boxes):
        beside = right["x"] - left["x"] - left["width"]
        below = right["y"] - left["y"] - left["height"]
        assert max(beside, below) >= 6


def test_curves_switch_their_budget(visit: Any) -> None:
    page = visit()
    panels = page.locator("#compute figure[data-axis]")
    every = panels.locator("visible=true").count()
    assert every == 5
    page.locator("#axes").get_by_label("Arithmetic").check()
    assert panels.locator("visible=true").count() == 1
    assert panels.locator("visible=true").get_attribute("data-axis") == "flops"


@pytest.mark.parametrize("kind", ["SVG", "PNG", "CSV"])
def test_figures_are_saved(visit: Any, kind: str, tmp_path: Path) -> None:
    page = visit()
    data = saved(page, f"pass@k against k as {kind}", tmp_path)
    if kind == "PNG":
        assert data.startswith(b"\x89PNG")
        assert len(data) > 10_000
    elif kind == "SVG":
        assert data.startswith(b"<svg")
        assert b"stroke:rgb" in data.replace(b" ", b"")  # colours are in the file
    else:
        lines = data.decode().splitlines()
        assert lines[0] == '"k, samples a problem"'.join(["series,", ",pass@k,low,high"])
        assert sum(line.startswith("all,") for line in lines) > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(visit: Any, scheme: str, width: int, tmp_path: Path) -> None:
    page = visit(width=width, scheme=scheme)
    shot(page, f"page-{scheme}-{width}", tmp_path)
    assert serious(page) == []
    page.goto(page.url.split("#")[0] + "#mbxp/python/MBPP/4")
    page.locator("details.program[open] pre").first.wait_for()
    shot(page, f"problem-{scheme}-{width}", tmp_path)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("box.scrollWidth <= box.clientWidth")
    page.evaluate("box.close()")
    page.evaluate("document.body.append(document.createElement('img'))")
    assert serious(page)  # that it would have found one
