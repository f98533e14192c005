"""Which problems a figure is about: one language, all of a dataset, those common to its languages.

A mean over all problems hides that languages hold different problems, so both are always given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reports.tally import Tally

Kind = Literal["language", "all", "common", "run"]


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of problems with a name."""

    kind: Kind
    dataset: str  # "" for the whole run of several datasets
    language: str  # "" for several
    rows: NDArray[np.int64]  # numbers of the problems, ascending

    @property
    def name(self) -> str:
        if self.kind == "run":
            return "all datasets"
        if self.kind == "language":
            return f"{self.dataset} {self.language}"
        return f"{self.dataset} {'all problems' if self.kind == 'all' else 'common problems'}"


def scopes(tally: Tally) -> list[Scope]:
    """Every language of every dataset; then, where there are several, what spans them.

    The last scope of kind `run`, else `all`, else `language` holds every problem (`whole`).
    """
    found: list[Scope] = []
    datasets = list(dict.fromkeys(tally.dataset))
    for dataset in datasets:
        rows = [i for i, name in enumerate(tally.dataset) if name == dataset]
        by_language: dict[str, list[int]] = {}
        for row in rows:
            by_language.setdefault(tally.language[row], []).append(row)
        for language, own in by_language.items():
            found.append(Scope("language", dataset, language, np.array(own)))
        if len(by_language) > 1:
            common = set.intersection(
                *({tally.number[row] for row in own} for own in by_language.values())
            )
            shared = [row for row in rows if tally.number[row] in common]
            found.append(Scope("all", dataset, "", np.array(rows)))
            found.append(Scope("common", dataset, "", np.array(shared, np.int64)))
    if len(datasets) > 1:
        found.append(Scope("run", "", "", np.arange(tally.problems)))
    return found


def whole(found: list[Scope]) -> Scope:
    """The scope of every problem of the run."""
    return max(found, key=lambda scope: (len(scope.rows), scope.kind == "all"))
