"""Known defects of published datasets, mended by small edits that have a version and reasons.

An edit replaces one passage of one field of one problem. It names the SHA-256 of the whole field as
published, so it never applies to another version of the data. Off by default; problems that an edit
changed carry the overlay's version.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from pipeline.benchmarks.rows import Row, RowSet
from pipeline.config import Language
from pipeline.records import UserError

VERSION = "1"


class Edit(BaseModel):
    """One replacement: `find`, which occurs exactly once in the field, becomes `replace`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    language: Language
    task_id: str
    field: Literal["prompt", "test", "canonical_solution"]
    sha256: str
    find: str
    replace: str
    reason: str


@functools.cache
def edits() -> tuple[Edit, ...]:
    """The edits of this version, in their order."""
    entry = resources.files("benchmarks_data") / "overlays" / f"v{VERSION}.yaml"
    found = yaml.safe_load(entry.read_text(encoding="utf-8"))
    return tuple(Edit.model_validate(edit) for edit in found["edits"])


def apply(rows: RowSet) -> tuple[RowSet, frozenset[str]]:
    """The rows with the edits that are meant for them, and the task ids that were changed.

    Raises UserError where a field is not the one that an edit was made for.
    """
    changed: dict[str, Row] = {}
    known = {(row.language, row.task_id): row for row in rows.rows}
    # All checks are against the published text, so that edits of one field do not disturb them.
    for edit in edits():
        original = known.get((edit.language, edit.task_id))
        if edit.dataset != rows.dataset or original is None:
            continue
        _check(edit, original)
        row = changed.get(edit.task_id, original)
        text = getattr(row, edit.field)
        if text.count(edit.find) != 1:
            raise UserError(
                f"overlay {VERSION}: {edit.dataset}/{edit.language}/{edit.task_id}: the passage to "
                f"replace in {edit.field} occurs {text.count(edit.find)} times"
            )
        fields = {edit.field: text.replace(edit.find, edit.replace)}
        changed[edit.task_id] = dataclasses.replace(row, **fields)
    mended = tuple(changed.get(row.task_id, row) for row in rows.rows)
    return dataclasses.replace(rows, rows=mended), frozenset(changed)


def _check(edit: Edit, row: Row) -> None:
    text = getattr(row, edit.field)
    observed = hashlib.sha256(text.encode()).hexdigest() if text is not None else "none"
    if observed != edit.sha256:
        raise UserError(
            f"overlay {VERSION}: {edit.dataset}/{edit.language}/{edit.task_id}: {edit.field} is "
            f"not the text that the edit was made for (sha256 {observed[:12]}, not "
            f"{edit.sha256[:12]}): set `overlay: false`, or use the published file"
        )
