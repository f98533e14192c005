"""JavaScript: maps are plain objects, as in the published tests."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _script
from pipeline.records import Problem


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    made = [f"{problem.entry_point}({_script.arguments(call, maps=False)})" for call in calls]
    return _script.text(made, marker, typed=False)
