"""Programs that attack their sandbox or their verdict, with the verdicts that they may get.

Each is a completion for the task `add(a, b)`, judged by its language's own self-test. One module a
language holds what only that language can do; `shell.py` holds what any program can do that starts
another. None may pass, apart from forgeries that `completed` cannot stop, which say so by their
verdict, and each must leave the sandbox, or its replacement, as good as before.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence

from sandboxes import languages
from tests.integration.sandboxes.hostile import shell
from tests.integration.sandboxes.hostile.program import THREATS, Hostile

__all__ = ["THREATS", "Hostile", "load"]


@functools.cache
def load() -> Sequence[Hostile]:
    """Every hostile program of the languages that have a folder, by language.

    A module named after a language has ``PROGRAMS`` and ``call_shell``, the completion that runs a
    shell command, ends with status 0 before the test where the command's status is 7, and is wrong
    otherwise.
    """
    found: list[Hostile] = []
    for module in pkgutil.iter_modules(__path__):
        if module.name in languages.load():
            own = importlib.import_module(f"{__name__}.{module.name}")
            found += own.PROGRAMS
            found += shell.programs(module.name, own.call_shell)
    return found
