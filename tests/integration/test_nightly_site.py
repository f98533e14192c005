"""The nightly site in a real browser: no errors, nothing loaded, legible on a phone."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from made_nights import Nights

from tests.integration.browsing import BROWSER, saved, serious, shot, visiting
from tests.integration.test_report_page import browse

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: tools/setup.sh browser")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nights = Nights(
        tmp_path_factory.mktemp("site"),
        gates=[{"metric": "pass@1", "cells": "mini", "fall": "noise"}],
    )
    for seed, chance in enumerate((0.6, 0.6, 0.2), start=1):
        nights.run(chance, seed=seed)
    return nights.place / "site"


PAGES = ("index.html", "series/replayed--mini--java--t0.8.html")


@pytest.mark.parametrize("name", PAGES)
def test_renders_under_its_own_policy_without_a_word(site: Path, name: str, tmp_path: Path) -> None:
    out, messages = browse(site / name, tmp_path, "--dump-dom")
    assert "CONSOLE" not in messages, messages
    assert "Theme: auto" in out


PROBE = """
<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("load", () => {
  const texts = [...document.querySelectorAll("svg text")]
    .filter((text) => text.getClientRects().length > 0)
    .map((text) => text.getBoundingClientRect().height);
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = JSON.stringify({
    errors, smallest: Math.min(99, ...texts), texts: texts.length,
    loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
    width: document.documentElement.scrollWidth, window: innerWidth,
  });
  document.body.append(out);
});
</script></body>
"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_fits_the_window_and_loads_nothing(
    site: Path, name: str, tmp_path: Path, width: int
) -> None:
    page = site / name
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    copy = page.with_name("probed.html")
    copy.write_text(text.replace("</body>", PROBE))
    out, _ = browse(copy, tmp_path, "--dump-dom", width=width)
    found = re.search(r'<pre id="probe">(.*?)</pre>', out, re.DOTALL)
    assert found, "the probe did not run to its end"
    seen = json.loads(unescape(found[1]))
    assert seen["errors"] == []
    assert seen["loaded"] == []
    assert seen["width"] <= seen["window"]
    assert seen["smallest"] >= 11
    assert (seen["texts"] > 10) == name.startswith("series")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    site: Path, browser: Any, name: str, scheme: str, tmp_path: Path
) -> None:
    for width in (1280, 390):
        with visiting(browser, (site / name).as_uri(), width, scheme) as seen:
            shot(seen, f"night-{Path(name).stem}-{scheme}-{width}", tmp_path)
            assert serious(seen) == []


def test_trends_are_saved(site: Path, browser: Any, tmp_path: Path) -> None:
    title = "replayed/mini/java/t0.8, pass@1, %"
    with visiting(browser, (site / PAGES[1]).as_uri()) as seen:
        assert saved(seen, f"{title} as PNG", tmp_path).startswith(b"\x89PNG")
        rows = saved(seen, f"{title} as CSV", tmp_path).decode().splitlines()
    assert rows[0] == ',night,"replayed/mini/java/t0.8, pass@1",low,high,failed'
    assert all(0 <= float(row.split(",")[2]) <= 1 for row in rows[1:])
    assert [row.split(",")[:2] for row in rows[1:]] == [
        ["night 1", "1"],
        ["night 2", "2"],
        ["night 3", "3"],
    ]
    assert [row[-1] for row in rows[1:]] == ["0", "0", "1"]
