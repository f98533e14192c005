"""What every section of the configuration has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

EXTENT: dict[str, Any] = {"forkeval": "extent"}  # how many rows are wanted
BY_LANGUAGE: dict[str, Any] = {"forkeval": "by language"}  # means something for that one's rows
PLACE: dict[str, Any] = {"forkeval": "place"}  # where and how fast; never what a row means


COLLECT = "collect"  # validation context of a loader that gathers contradictions itself


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Keys (dotted, relative to their section) whose values do not go together, and the fix."""

    keys: tuple[str, ...]
    message: str


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def contradictions(self) -> Iterator[Contradiction]:
        """What in this section does not go together (sections inside answer for themselves)."""
        return iter(())

    def cautions(self) -> Iterator[Contradiction]:
        """What is allowed and yet hardly meant; a loader shows those of the whole as warnings."""
        return iter(())

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> Self:
        if info.context != COLLECT:
            found = [f"{c.keys[0]}: {c.message}" for c in self.contradictions()]
            if found:
                raise ValueError("; ".join(found))
        return self


def repeated(key: str, values: tuple[Any, ...]) -> Iterator[Contradiction]:
    """One contradiction a value that stands in `values` more than once."""
    for value in dict.fromkeys(v for v in values if values.count(v) > 1):
        yield Contradiction((key,), f"{value} is there twice: remove one")
