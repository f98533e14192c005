"""Constant programs: they return one value, or their first argument, whatever the task is.

A problem whose test such a program passes says little of a model that passes it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.records import Problem, UserError
from sandboxes.languages import Constants

# The names that every language uses, so that its findings stand in one table with the others'.
NAMES = ("always_true", "always_false", "zero", "empty", "first_argument")

_PLACEHOLDER = re.compile(r"\{(value|first|returns|indent)\}")


def completions(constants: Constants, problem: Problem) -> Iterator[tuple[str, str]]:
    """(name, completion) of every constant program of a problem.

    A name may have several, one for each form that its value takes in a typed language. A program
    that asks for a part that the prompt does not show (no parameter, say) is left out.
    """
    prompt = problem.prompt[problem.header_chars :]
    parts = _parts(constants, prompt, problem.entry_point)
    for name, forms in constants.values.items():
        for form in forms:
            value = _fill(form, parts)
            if value is None:
                continue
            completion = _fill(constants.body, {**parts, "value": value})
            if completion is not None:
                yield name, completion


def _parts(constants: Constants, prompt: str, entry_point: str) -> dict[str, str]:
    """What the placeholders stand for in a prompt; those that it does not show are absent."""
    pattern = constants.signature.replace("{entry_point}", re.escape(entry_point))
    try:
        # The last one: a prompt may hold helpers, and says the name in its text.
        found = list(re.finditer(pattern, prompt))
    except re.error as error:
        raise UserError(f"constants: signature {constants.signature!r}: {error}") from error
    parts = {key: text for key, text in (found[-1].groupdict() if found else {}).items() if text}
    return parts | {"indent": _indent(prompt)}


def _indent(prompt: str) -> str:
    """The white space that the prompt's last line with text begins with."""
    lines = [line for line in prompt.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last[: len(last) - len(last.lstrip())]


def _fill(template: str, parts: dict[str, str]) -> str | None:
    """The template with its placeholders replaced; None where one has no part."""
    if any(name not in parts for name in _PLACEHOLDER.findall(template)):
        return None
    return _PLACEHOLDER.sub(lambda found: parts[found[1]], template)
