"""The list of hostile programs is what docs/hostile.md says, and says what it must."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pipeline.records import VERDICTS
from tests.integration.sandboxes.hostile import THREATS, load

ROOT = Path(__file__).resolve().parents[3]


def test_programs_are_named_once_and_attack_something_known() -> None:
    programs = load()
    assert len({hostile.id for hostile in programs}) == len(programs)
    assert {hostile.threat for hostile in programs} == set(THREATS)
    for hostile in programs:
        assert hostile.verdicts, hostile.id
        assert set(hostile.verdicts) <= set(VERDICTS), hostile.id


def _named() -> set[str]:
    """The programs that docs/security.md says to pass at `completed`."""
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.split("### What still passes without deserving it")[1].split("\n## ")[0]
    return set(re.findall(r"`([a-z_]+_[a-z_]+)`", section))


def test_only_forgeries_by_own_memory_or_helpers_may_pass() -> None:
    """Any other that passes is named in docs/security.md, one by one."""
    for hostile in load():
        if "passed" in hostile.verdicts and hostile.name != "test_ends_well_in_a_child":
            assert hostile.threat in ("token", "helpers") or hostile.name in _named(), hostile.id
            assert hostile.verdicts == ("passed",), hostile.id


def test_the_forgeries_that_the_docs_name_are_those_that_pass() -> None:
    passing = {hostile.name for hostile in load() if hostile.verdicts == ("passed",)}
    assert _named() <= passing, _named() - passing
    assert len(_named()) >= 8


def test_the_page_is_generated_from_the_programs() -> None:
    done = subprocess.run(
        [sys.executable, "tools/hostile_docs.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / "docs" / "hostile.md").read_text(), "run: make docs"
