"""Known-good programs and published completions through the whole of `forkeval run`, truncated.

`tests/integration/sandboxes/test_published_programs.py` has verdicts of them in every language.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.runs import succeed

pytestmark = pytest.mark.docker

RECORDED = """\
name: {name}
directory: {directory}
benchmarks: [{{name: {benchmark}, languages: [{language}]{path}}}]
backend: {{name: recorded, {source}}}
sampling: {{n: 1}}
report: {{k: [1], bootstrap: 100}}
"""


def passed(folder: Path, benchmark: str, language: str, data: Path | None, source: str) -> int:
    """How many of one language's recorded programs pass; every one must have a verdict."""
    path = folder / "recorded.yaml"
    text = RECORDED.format(
        name="recorded",
        directory=folder,
        benchmark=benchmark,
        language=language,
        path=f", path: {data}" if data else "",
        source=source,
    )
    path.write_text(text)
    page = Path(succeed("run", path, timeout=1200).strip().splitlines()[-1])
    metrics = json.loads((page.parent / "metrics.json").read_text())
    scope = next(s for s in metrics["scopes"] if s["kind"] == "language")
    rate = next(m["value"] for m in scope["metrics"] if m["metric"] == "pass@1")
    return round(rate * scope["problems"])


@pytest.mark.parametrize("language", ["python", "java", "javascript"])
def test_mini_canonical(language: str, tmp_path: Path) -> None:
    assert passed(tmp_path, "mini", language, None, "canonical: true") == 30


@pytest.mark.parametrize(
    ("benchmark", "count"),
    [("humaneval", 164), pytest.param("mathqa_x", 1883, marks=pytest.mark.full)],
)
def test_published_canonical(benchmark: str, count: int, published: Path, tmp_path: Path) -> None:
    assert passed(tmp_path, benchmark, "python", published, "canonical: true") == count


def test_mbxp_python_samples(published: Path, tmp_path: Path) -> None:
    file = published / "mbxp" / "examples" / "mbpp_samples.jsonl"
    found = passed(tmp_path, "mbxp", "python", published, f"completions: [{file}]")
    assert 800 <= found <= 802


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_mbxp_javascript_samples(published: Path, tmp_path: Path) -> None:
    file = published / "mbxp" / "examples" / "mbjsp_samples.jsonl"
    assert passed(tmp_path, "mbxp", "javascript", published, f"completions: [{file}]") == 760
