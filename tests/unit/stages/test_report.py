"""The report stage reads what the current verdicts rest on, and nothing beside it."""

from __future__ import annotations

import pyarrow as pa

from pipeline.stages.report import executions


def test_executions_of_other_images_limits_programs_and_evidence_are_left_out() -> None:
    rows = [
        ("a", "new", "short", "isolated"),
        ("a", "old", "short", "isolated"),  # before the image was built anew
        ("a", "new", "long", "isolated"),  # under other limits
        ("a", "new", "short", "completed"),  # when the run asked for other evidence
        ("b", "new", "short", "isolated"),  # of a program that no wanted candidate has
    ]
    names = ("program_hash", "image_digest", "limits_hash", "asked_evidence")
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    verdicts = pa.table({"program_hash": ["a", "a"]})
    meanings = [{"image": "new", "limits": "short"}]
    assert executions(table, verdicts, meanings, "isolated").to_pylist() == [
        dict(zip(names, rows[0], strict=True))
    ]
