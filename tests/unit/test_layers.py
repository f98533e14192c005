"""Dependencies point one way, as the layout in CONTRIBUTING says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("pipeline", "kernels", "sandboxes", "benchmarks_data", "reports")

# What the modules under a prefix may import of ours. The longest matching prefix holds.
ALLOWED: dict[str, tuple[str, ...]] = {
    "kernels": ("kernels",),
    "sandboxes": ("sandboxes", "pipeline.records"),
    "reports": ("reports", "pipeline.records"),
    "benchmarks_data": ("benchmarks_data", "pipeline.records"),
    "pipeline.records": (),
    "pipeline.manifests": ("sandboxes.languages",),
    "pipeline.config": (
        "pipeline.records",
        "pipeline.config_section",
        "pipeline.manifests",
        "pipeline.ranker_terms",
        "sandboxes.languages",
    ),
    "pipeline.ranker_terms": (),
    "pipeline.public_inputs": ("pipeline.public_inputs", "pipeline.records"),
    "pipeline.config_section": ("pipeline.records",),
    "pipeline.config_text": ("pipeline.config", "pipeline.config_section"),
    "pipeline.store": (
        "pipeline.store",
        "pipeline.records",
        "pipeline.config",
        "pipeline.config_section",
        "pipeline.config_text",
    ),
    "pipeline.services": ("pipeline.records",),
    "pipeline.history": ("pipeline.history_schema", "pipeline.records"),
    "pipeline.history_schema": (),
    "pipeline.benchmarks": (
        "pipeline.benchmarks",
        "pipeline.public_inputs",
        "pipeline.records",
        "pipeline.config",
        "pipeline.manifests",
        "sandboxes.languages",
        "benchmarks_data",
    ),
    "pipeline.engine": (
        "pipeline.engine",
        "pipeline.records",
        "pipeline.config",
        "kernels",
        "benchmarks_data",
    ),
    "pipeline.backends": (
        "pipeline.backends",
        "pipeline.engine",
        "pipeline.benchmarks",
        "pipeline.services",
        "pipeline.records",
        "pipeline.config",
    ),
    # No benchmark and no store: a ranker has no way to a hidden test.
    "pipeline.rankers": (
        "pipeline.rankers",
        "pipeline.ranker_terms",
        "pipeline.public_inputs",
        "pipeline.records",
        "pipeline.services",
    ),
}


def imports(path: Path) -> set[str]:
    """Dotted names of ours that a file imports, in any scope."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] in OURS}


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


FILES = sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    rules = [prefix for prefix in ALLOWED if within(module, (prefix,))]
    if not rules:
        return  # stages and the command line stand on top and may use everything below
    allowed = ALLOWED[max(rules, key=len)]
    wrong = sorted(name for name in imports(path) if not within(name, allowed))
    assert not wrong, f"{module} may import only {allowed}, not {wrong}"


@pytest.mark.parametrize("package", ["rankers", "public_inputs"])
def test_no_ranker_knows_what_a_test_or_a_verdict_is(package: str) -> None:
    hidden = {f"pipeline.records.{name}" for name in ("Test", "Verdict", "VerdictRow", "TABLES")}
    files = list((ROOT / "pipeline" / package).rglob("*.py"))
    assert len(files) > 5
    for path in files:
        assert not imports(path) & hidden, path
