"""Faults that no part of ours raised reach the user as one line too."""

from __future__ import annotations

import errno
import os

import pytest

from pipeline.cli import main


def test_a_fault_of_the_file_system_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "report/report.html")

    monkeypatch.setattr("pipeline.commands.doctor", full)
    assert main(["doctor"]) == 2
    told = capsys.readouterr().err.strip()
    assert told == "forkeval: report/report.html: No space left on device"


def test_a_stopped_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.commands.doctor", stop)
    assert main(["doctor"]) == 130
    assert "the same command goes on" in capsys.readouterr().err
