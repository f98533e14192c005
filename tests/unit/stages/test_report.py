"""The report stage reads what the current verdicts rest on, and nothing beside it."""

from __future__ import annotations

import pyarrow as pa

from pipeline.stages.report import executions


def test_executions_of_other_images_limits_and_programs_are_left_out() -> None:
    rows = [
        ("a", "new", "short"),
        ("a", "old", "short"),  # before the image was built anew
        ("a", "new", "long"),  # under other limits
        ("b", "new", "short"),  # of a program that no wanted candidate has
    ]
    names = ("program_hash", "image_digest", "limits_hash")
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    verdicts = pa.table({"program_hash": ["a", "a"]})
    meaning = {"images": {"python": "new"}, "limits": {"python": "short"}}
    assert executions(table, verdicts, meaning).to_pylist() == [
        dict(zip(names, rows[0], strict=True))
    ]
