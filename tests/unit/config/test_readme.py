"""What the README shows works: its configuration, its commands, its links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli import parser
from pipeline.yaml_config import load

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "README.md").read_text()
COMMANDS = sorted(
    {
        line.strip()
        for found in re.findall(r"`(forkeval [^`]+)`", TEXT)
        + re.findall(r"```\n(.*?)```", TEXT, re.S)
        for line in found.splitlines()
        if line.startswith("forkeval ")
    }
)


def test_the_configuration_loads(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(re.findall(r"```yaml\n(.*?)```", TEXT, re.S)[0])
    warnings: list[str] = []
    assert load(str(file), warn=warnings.append).sampling.n == 200
    assert not warnings


def test_there_is_a_command_for_each_anchor() -> None:
    assert sum("run humaneval" in command for command in COMMANDS) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_parses(command: str) -> None:
    arguments = parser().parse_args(shlex.split(command, comments=True)[1:])
    if arguments.verb == "run" and not arguments.config.endswith(".yaml"):
        assert load(arguments.config, arguments.overrides).sampling.n >= 1


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\[[^\]]+\]\(([^)#:]+)\)", TEXT))))
def test_a_link_leads_to_a_file(target: str) -> None:
    assert (ROOT / target).is_file()
