"""The figure of pass@n and pass@top3 takes its numbers from a report."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from reports.document import document
from tests.synthetic_run import synthetic_run

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def test_curves_are_those_of_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(TOOLS), *sys.path])
    made = runpy.run_path(str(TOOLS / "pass_curves.py"))["curves"]
    doc = document(synthetic_run(problems=6, n=10, k=(1, 4)))
    found = made(doc, "mean_logprob")
    passed, top = found["curves"]
    whole = next(scope for scope in doc["scopes"] if scope["whole"])
    assert passed["value"] == whole["curve"]["value"]
    assert len(top["k"]) == len(top["value"])
    # Three programs of k at most as good as all of k.
    assert all(b <= a + 1e-9 for a, b in zip(passed["value"], top["value"], strict=False))
    with pytest.raises(ValueError, match="no curve"):
        made(doc, "codet")
