"""What is said of a run's progress in a log, where no terminal overwrites a bar."""

from __future__ import annotations

import pytest

from pipeline.progress import Progress


def test_a_log_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("sample", 1200, "candidate") as first, Progress("execute", 8, "candidate", 1):
        first.advance(1200, "99 tokens/s")
    text = capsys.readouterr().err
    assert "\r" not in text
    lines = text.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "sample  : 0 of 1200 candidates",
        "execute : 0 of 8 candidates",
        "execute : 0 of 8 candidates",
        "sample  : 1200 of 1200 candidates",
    ]
    assert lines[-1].endswith("99 tokens/s")
