"""TypeScript: as JavaScript; maps are Maps, as in the published tests."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.public_inputs.calls import Call
from pipeline.public_inputs.observers import _script
from pipeline.records import Problem


def test(problem: Problem, calls: Sequence[Call], marker: str) -> str:
    name = problem.entry_point
    made = [f"({name} as any)({_script.arguments(call, maps=True)})" for call in calls]
    return _script.text(made, marker, typed=True)
