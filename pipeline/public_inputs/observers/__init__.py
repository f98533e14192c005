"""Test texts that call a problem's function on public inputs and print what it gives.

One module a language, named after it, with ``test(problem, calls, marker) -> str``: the text that
stands where the hidden test would. For each call it prints a line ``MARKER INDEX VALUE`` on
standard output, with the value as JSON, or ``!`` where the call raised. What JSON lacks is written
as an object of one key: ``t`` a tuple, ``s`` a set, ``m`` a map as pairs, ``o`` anything else.
`Unreadable` where an argument cannot be written in the language's types.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from typing import Protocol, cast

from pipeline.public_inputs.calls import Call
from pipeline.records import Problem


class Observer(Protocol):
    """A module of this package."""

    def test(self, problem: Problem, calls: Sequence[Call], marker: str) -> str:
        """The text that makes the calls. Raises Unreadable where one cannot be written."""


def languages() -> tuple[str, ...]:
    """The languages whose programs can be observed."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def observer(language: str) -> Observer:
    return cast(Observer, importlib.import_module(f"{__name__}.{language}"))
