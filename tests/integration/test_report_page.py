"""The report page in a real browser: no errors, no network, both themes, phone and desktop.

A probe script is put into a copy of the page (whose content policy is loosened for it alone), looks
at the layout as rendered, and writes what it saw into the document, which Chromium prints.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zlib
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from synthetic_run import synthetic_run

from reports import render
from tests.integration.browsing import BROWSER

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    # The browser's own errands (updates, accounts) find no host either.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
DARK = "--blink-settings=preferredColorScheme=0"
PROBE = """
<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("load", () => {
  const seen = (element) => element.getClientRects().length > 0;
  const background = () => getComputedStyle(document.body).backgroundColor;
  const auto = background();
  const button = document.getElementById("theme");
  const themes = [0, 1, 2].map(() => { button.click(); return background(); });
  const table = document.querySelector("table.sortable");
  const first = () => [...table.tBodies[0].rows].map((row) => row.cells[3].textContent);
  const before = first();
  const sorter = table.tHead.rows[0].cells[3].querySelector("button");
  sorter.click();
  const up = first();
  sorter.click();
  const texts = [...document.querySelectorAll("svg text")].filter(seen)
    .map((text) => text.getBoundingClientRect().height);
  const probe = {
    errors, auto, themes, before, up, down: first(), pwned: window.pwned ?? null,
    sort: table.tHead.rows[0].cells[3].getAttribute("aria-sort"),
    figures: [...document.querySelectorAll("svg")].filter(seen)
      .map((figure) => figure.querySelector("title").textContent),
    loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
    width: document.documentElement.scrollWidth, window: innerWidth,
    smallest: Math.min(...texts), texts: texts.length,
  };
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = JSON.stringify(probe);
  document.body.append(out);
});
</script></body>
"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium: tools/setup.sh browser")


def browse(page: Path, work: Path, *options: str, width: int = 1280) -> tuple[str, str]:
    """Standard output and error of one headless visit."""
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER,
            *QUIET,
            f"--user-data-dir={work / 'profile'}",
            f"--window-size={width},1600",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(synthetic_run(problems=12, n=20), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def probed(page: Path) -> Path:
    return probed_copy(page)


def probed_copy(page: Path) -> Path:
    """The page with the probe in it, beside the page."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text())
    copy = page.with_name("probed.html")
    copy.write_text(text.replace("</body>", PROBE))
    return copy


def probe(page: Path, work: Path, *options: str, width: int = 1280) -> dict[str, Any]:
    out, _ = browse(page, work, "--dump-dom", *options, width=width)
    found = re.search(r'<pre id="probe">(.*?)</pre>', out, re.DOTALL)
    assert found, "the probe did not run to its end"
    return dict(json.loads(unescape(found[1])))


def corner(png: Path) -> tuple[int, ...]:
    """The first pixel: no PNG filter changes it, since nothing lies before it."""
    data, at, packed = png.read_bytes(), 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    return tuple(zlib.decompress(packed)[1:4])


def test_renders_under_its_own_policy_without_a_word(page: Path, tmp_path: Path) -> None:
    out, messages = browse(page, tmp_path, "--dump-dom")
    assert "CONSOLE" not in messages, messages
    assert "Theme: auto" in out  # our script ran
    assert "window.pwned = 1" in out  # as text


def test_nothing_is_loaded(probed: Path, tmp_path: Path) -> None:
    assert probe(probed, tmp_path)["loaded"] == []
    # That the probe would have seen it: the same page with a picture from elsewhere.
    url = "http://127.0.0.1:9/picture.png"
    loading = tmp_path / "loading.html"
    loading.write_text(probed.read_text().replace("<main>", f'<main><img src="{url}" alt="">'))
    assert probe(loading, tmp_path)["loaded"] == [url]


def test_the_policy_stops_a_script_that_got_in(page: Path, tmp_path: Path) -> None:
    attacked = tmp_path / "attacked.html"
    attacked.write_text(page.read_text().replace("</body>", "<script>var pwned</script></body>"))
    _, messages = browse(attacked, tmp_path, "--dump-dom")
    assert "Content Security Policy" in messages


def test_figures_themes_and_sorting(probed: Path, tmp_path: Path) -> None:
    seen = probe(probed, tmp_path)
    assert seen["errors"] == []
    assert seen["pwned"] is None
    assert len(seen["figures"]) == len(set(seen["figures"])) == 21
    light, dark, auto = seen["themes"]
    assert light == auto == seen["auto"] != dark
    assert seen["sort"] == "descending"
    counts = [int(text.split()[0]) for text in seen["down"]]
    assert counts == sorted(counts, reverse=True)
    assert seen["up"] == sorted(seen["up"], key=lambda text: int(text.split()[0]))
    assert sorted(seen["before"]) == sorted(seen["up"])


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_fits_the_window_with_legible_figures(probed: Path, tmp_path: Path, width: int) -> None:
    seen = probe(probed, tmp_path, width=width)
    assert seen["width"] <= seen["window"]
    assert seen["texts"] > 80
    assert seen["smallest"] >= 11  # pixels, of a line of text


def test_dark_when_the_reader_prefers_dark(page: Path, probed: Path, tmp_path: Path) -> None:
    colours = []
    for name, options in (("light", ()), ("dark", (DARK,))):
        shot = tmp_path / f"{name}.png"
        browse(page, tmp_path, f"--screenshot={shot}", *options)
        colours.append(corner(shot))
    assert min(colours[0]) > 240
    assert max(colours[1]) < 40
    seen = probe(probed, tmp_path, DARK)
    light, dark, auto = seen["themes"]
    assert dark == auto == seen["auto"] != light
