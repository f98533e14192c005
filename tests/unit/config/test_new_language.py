"""Adding a language is adding a folder: the configuration knows it by its name alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def forkeval(tmp_path: Path) -> Path:
    """A directory from which forkeval finds sandboxes for one more language, `elvish`."""
    shutil.copytree(ROOT / "sandboxes", tmp_path / "sandboxes")
    languages = tmp_path / "sandboxes" / "languages"
    shutil.copytree(languages / "python", languages / "elvish")
    return tmp_path


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_is_a_language(forkeval: Path) -> None:
    schema = json.loads(run(forkeval, "config", "schema").stdout)
    named = schema["$defs"]["BenchmarkConfig"]["properties"]["languages"]["items"]["enum"]
    assert "elvish" in named
    assert {"python", "java", "javascript", "ruby", "swift"} < set(named)
    text = "benchmarks: [{name: jsonl, path: mine.jsonl, languages: [LANGUAGE]}]\n"
    (forkeval / "good.yaml").write_text(text.replace("LANGUAGE", "elvish"))
    assert "languages: [elvish]" in run(forkeval, "config", "show", "good.yaml").stdout
    (forkeval / "bad.yaml").write_text(text.replace("LANGUAGE", "elvsh"))
    told = run(forkeval, "config", "show", "bad.yaml").stderr
    assert "bad.yaml:1:" in told
    assert "not 'elvsh'; did you mean elvish?" in told


def test_the_schema_lists_what_there_is() -> None:
    schema = json.loads(run(ROOT, "config", "schema").stdout)
    assert schema["$defs"]["BenchmarkConfig"]["properties"]["name"]["enum"] == [
        "mini", "humaneval", "mathqa_x", "mbxp", "jsonl",
    ]  # fmt: skip
    stop = schema["$defs"]["SamplingConfig"]["properties"]["stop"]
    assert "python" in stop["propertyNames"]["enum"]
