"""What a comparison is made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.data import ReportInput


@dataclass(frozen=True, slots=True)
class Change:
    """One thing in which two runs differ, with both values."""

    kind: str  # data, truncation, toolchain, or the section of the configuration
    where: str  # a dataset and language, or ""
    what: str
    first: str
    second: str

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.kind}: {place}{self.what}: {self.first} against {self.second}"


@dataclass(frozen=True, slots=True)
class Side:
    """A run that is compared."""

    label: str  # tells it from the others
    source: ReportInput
    page: str = ""  # address of its report page, from where the comparison is written; "" if none


@dataclass(frozen=True, slots=True)
class Compared:
    """The first run and those held against it.

    allowed: for each other run, what differs in data, truncation or toolchain, and was allowed to.
    settings: likewise, what differs in its configuration, which is what a comparison is about.
    """

    baseline: Side
    others: Sequence[Side]
    allowed: Sequence[Sequence[Change]] = field(default_factory=tuple)
    settings: Sequence[Sequence[Change]] = field(default_factory=tuple)
