"""Pages in a real browser: visits that may show no error, what axe finds, screenshots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def visiting(browser: Any, address: str, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """The page at `address`, open; afterwards no error may have been seen."""
    errors: list[str] = []
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and errors.append(line.text))
    page.goto(address)
    try:
        yield page
    finally:
        context.close()
    assert errors == []


def shot(page: Any, name: str, tmp_path: Path) -> None:
    """A screenshot in the folder that FORKEVAL_SHOTS names, or in the test's own."""
    folder = Path(os.environ.get("FORKEVAL_SHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    assert (folder / f"{name}.png").stat().st_size > 10_000


def serious(page: Any) -> list[str]:
    """What axe calls serious or critical, an element a line."""
    # Through the debugger, which the page's policy does not bind.
    source = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.evaluate(source + "; undefined")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {node['html'][:160]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def saved(page: Any, button: str, folder: Path) -> bytes:
    """What the button with this name downloads."""
    with page.expect_download() as found:
        page.get_by_role("button", name=button, exact=True).click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path.read_bytes()
