"""What every page is wrapped in: one HTML file that needs no network, no fonts, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from reports.html import Markup, html, join, tag


def shell(kind: str, title: str, body: Markup, scripts: Sequence[str] = ()) -> str:
    """The whole file. kind: what the page is, at its top. scripts: assets beside the common one."""
    assets = files("reports") / "assets"
    style = (assets / "style.css").read_text("utf-8")
    script = "".join((assets / name).read_text("utf-8") for name in ("script.js", *scripts))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # Only our own script may run and nothing may be loaded, whatever a candidate's text contains.
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    top = join(
        [tag("span", kind), Markup('<button id="theme" type="button" hidden>Theme</button>')]
    )
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{html(policy)}">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup('<link rel="icon" href="data:,">'),
            tag("title", f"{title} · forkeval"),
            Markup(f"<style>{style}</style>"),
        ]
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>'
        f'<body><div class="page">{tag("div", top, _class="top")}{body}</div>'
        f"<script>{script}</script></body></html>\n"
    )
