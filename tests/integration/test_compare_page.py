"""The page of a comparison in a real browser: no errors, nothing loaded, legible on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from synthetic_run import synthetic_run

from reports.comparison import Compared, Side, compared, write
from tests.integration.browsing import BROWSER, saved, serious, shot, visiting
from tests.integration.test_report_page import browse, probe, probed_copy

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: tools/setup.sh browser")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    first, second = (synthetic_run(seed, problems=12, n=20) for seed in (0, 1))
    doc = compared(Compared(Side("first", first), [Side("second", second)]))
    return write(doc, tmp_path_factory.mktemp("compare"))


def test_renders_under_its_own_policy_without_a_word(page: Path, tmp_path: Path) -> None:
    out, messages = browse(page, tmp_path, "--dump-dom")
    assert "CONSOLE" not in messages, messages
    assert "Theme: auto" in out


@pytest.mark.parametrize("width", [1280, 390])
def test_fits_the_window_and_loads_nothing(page: Path, tmp_path: Path, width: int) -> None:
    seen = probe(probed_copy(page), tmp_path, width=width)
    assert seen["errors"] == []
    assert seen["loaded"] == []
    assert seen["width"] <= seen["window"]
    assert seen["smallest"] >= 11
    assert seen["figures"][0] == "Differences of pass@k, second"
    assert "pass@k against tokens a problem" in seen["figures"]
    counts = [int(text.split()[0]) for text in seen["down"]]
    assert counts == sorted(counts, reverse=True)


def test_figures_are_saved_with_the_numbers_of_the_files(
    page: Path, browser: Any, tmp_path: Path
) -> None:
    figures = {
        "Differences of pass@k, second": "differences-1",
        "pass@k against tokens a problem": "budget-tokens",
    }
    with visiting(browser, page.as_uri()) as seen:
        for title, name in figures.items():
            assert saved(seen, f"{title} as PNG", tmp_path).startswith(b"\x89PNG")
            assert b"stroke:" in saved(seen, f"{title} as SVG", tmp_path)
            told = saved(seen, f"{title} as CSV", tmp_path)
            assert told == (page.parent / "figures" / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(
    page: Path, browser: Any, scheme: str, width: int, tmp_path: Path
) -> None:
    with visiting(browser, page.as_uri(), width, scheme) as seen:
        shot(seen, f"compare-{scheme}-{width}", tmp_path)
        assert serious(seen) == []
