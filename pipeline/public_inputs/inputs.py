"""The calls that a problem's programs are observed on: documented ones, else the only one."""

from __future__ import annotations

import re

from pipeline.public_inputs.calls import Call, parse
from pipeline.records import Problem


def public_inputs(problem: Problem) -> tuple[Call, ...]:
    """The calls of the prompt's own examples; without any, that of a function of no parameters.

    Empty where neither is there. The same call documented twice is made once.
    """
    prompt = problem.prompt[problem.header_chars :]
    found = [parse(e, problem.entry_point, problem.language) for e in problem.public_examples]
    calls = [call for call in found if call is not None]
    if not calls and call_without_arguments(prompt, problem.entry_point):
        return (Call(()),)
    kept: list[Call] = []
    for call in calls:
        if not any(call.args == other.args for other in kept):
            kept.append(call)
    return tuple(kept)


def call_without_arguments(prompt: str, entry_point: str) -> bool:
    """Whether the prompt's last mention of the function shows that it takes nothing."""
    found = re.findall(rf"\b{re.escape(entry_point)}\s*\(\s*(.?)", prompt)
    return bool(found) and found[-1] == ")"
