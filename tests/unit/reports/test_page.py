"""The page's markup: nothing untrusted becomes markup, nothing is loaded, all of it is labelled."""

from __future__ import annotations

import dataclasses
import re
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest
from pages import Reader, read
from synthetic_run import HOSTILE, synthetic_run

from reports import ReportInput, render


def hostile_run() -> ReportInput:
    """Tables whose every string that others wrote tries to leave its place."""
    source = synthetic_run(problems=6, n=12, k=(1, 10))
    names = {
        name: f"{name}{HOSTILE}" for name in {r["task_id"] for r in source.problems.to_pylist()}
    }
    tables = {}
    for table in ("problems", "calls", "candidates", "programs", "verdicts", "rankings"):
        old = getattr(source, table)
        at = old.schema.get_field_index("task_id")
        renamed = pa.array([names[name] for name in old["task_id"].to_pylist()])
        tables[table] = old.set_column(at, "task_id", renamed)
    return dataclasses.replace(
        source,
        **tables,
        name=f"run{HOSTILE}",
        environment={HOSTILE: {"value": HOSTILE}},
        commands=(HOSTILE,),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(hostile_run(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def reader(written: Path) -> Reader:
    return read(written)


def test_tags_are_balanced(reader: Reader) -> None:
    assert reader.open == []


def test_nothing_untrusted_becomes_markup(reader: Reader) -> None:
    assert not reader.all("img")
    kinds = [attributes.get("type") for attributes in reader.all("script")]
    assert kinds == ["application/json", "text/plain", None]  # one runs; two hold data
    assert len(reader.all("style")) == 1
    for _, attributes in reader.elements:
        assert not any(name.startswith("on") for name in attributes)
    text = "".join(reader.texts)
    assert text.count(HOSTILE) > 20  # shown as it is, wherever it came from


def test_nothing_is_loaded(written: Path, reader: Reader) -> None:
    for _, attributes in reader.elements:
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))
    css = (files("reports") / "assets" / "style.css").read_text("utf-8")
    assert "url(" not in css
    assert "@import" not in css
    policy = next(
        a["content"] for a in reader.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    script = policy.split("script-src ")[1].split(";")[0]
    assert re.fullmatch(r"'sha256-[\w+/]+='", script)


def test_figures_have_a_title_and_a_description(reader: Reader) -> None:
    drawings = reader.all("svg")
    assert len(drawings) >= 9  # four large ones, drawn twice, and the panels
    identities = [a.get("id") for _, a in reader.elements if a.get("id")]
    assert len(identities) == len(set(identities))
    for attributes in drawings:
        assert attributes["role"] == "img"
        for name in (attributes["aria-labelledby"] or "").split():
            assert name in identities


def test_tables_have_captions_and_headings(reader: Reader) -> None:
    tables = len(reader.all("table"))
    assert tables >= 5
    assert len(reader.all("caption")) == tables
    assert all(a.get("scope") in ("col", "row") for a in reader.all("th"))


def test_every_link_of_the_navigation_leads_somewhere(reader: Reader) -> None:
    identities = {a.get("id") for _, a in reader.elements}
    assert all((a["href"] or "")[1:] in identities for a in reader.all("a"))


def test_every_problem_can_be_linked_to(reader: Reader) -> None:
    identities = [a.get("id") or "" for name, a in reader.elements if name == "th" and a.get("id")]
    assert len(identities) == 3 * 6
    assert not any(set(identity) & set(" \t\n") for identity in identities)
    for start in ("mbxp/python/MBPP/3", "mbxp/java/MBJP/3", "mbxp/javascript/MBJSP/3"):
        assert any(identity.startswith(start) for identity in identities)


def test_markdown_tables_stay_tables(written: Path) -> None:
    lines = written.with_name("report.md").read_text().splitlines()
    prose = [line for line in lines if not line.startswith("    ")]  # the rest is verbatim
    assert not any("<" in line for line in prose)
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 15
    tables: list[list[int]] = [[]]
    for line in lines:
        if line.startswith("|"):
            tables[-1].append(re.sub(r"\\.", "", line).count("|"))
        elif tables[-1]:
            tables.append([])
    assert all(len(set(widths)) <= 1 for widths in tables)
    assert len(tables) == 10  # nine, and what follows the last


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Of WCAG 2.2."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_text_is_legible_in_both_themes() -> None:
    css = (files("reports") / "assets" / "style.css").read_text("utf-8")
    blocks = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block))
        for block in re.findall(r":root[^{]*\{([^}]*)\}", css)
    ]
    themes = [block for block in blocks if "paper" in block]
    assert len(themes) == 3
    assert themes[1] == themes[2]  # dark by preference and dark by choice
    for theme in themes:
        for name in ("ink", "soft", "accent", *(f"t{i}" for i in range(1, 9))):
            assert contrast(theme[name], theme["paper"]) >= 4.5, (name, theme[name])
        assert contrast(theme["ink"], theme["panel"]) >= 7
        assert contrast(theme["alarm"], theme["alarm-panel"]) >= 4.5
        for name in ("passed", "runtime", "compile", "timeout", "other"):
            assert contrast(theme[name], theme["inbar"]) >= 4.5, (name, theme[name])
            assert contrast(theme[name], theme["paper"]) >= 3
