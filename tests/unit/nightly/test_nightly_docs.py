"""What docs/nightly.md shows works, and it leaves no key out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from pipeline.cli import parser
from pipeline.nightly.config import Common, GateConfig, NightConfig, NightSampling
from pipeline.nightly.loading import load

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "nightly.md").read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)[0]


def own_keys(section: type[BaseModel]) -> Iterator[str]:
    """Keys of the nightly YAML that a run's YAML does not describe."""
    for name, field in section.model_fields.items():
        yield name
        for inner in [field.annotation, *get_args(field.annotation)]:
            if (
                isinstance(inner, type)
                and issubclass(inner, BaseModel)
                and inner.__module__ == NightConfig.__module__
                and inner is not Common
            ):
                yield from own_keys(inner)


def test_the_yaml_loads_and_names_every_key(tmp_path: Path) -> None:
    path = tmp_path / "nightly.yaml"
    path.write_text(YAML)
    warnings: list[str] = []
    config = load(str(path), (), warnings.append)
    assert not warnings
    assert len(config.gates) == 4
    of_runs = set(NightSampling.model_fields) - {"name"}
    missing = [
        key
        for key in own_keys(NightConfig)
        if key not in of_runs and not re.search(rf"\b{key}\b", YAML)
    ]
    assert missing == []
    assert set(GateConfig.model_fields) <= set(re.findall(r"\w+", YAML))


COMMANDS = [
    line.split("|")[0].split(">")[0].strip()
    for block in re.findall(r"```\n(.*?)```", TEXT, re.S)
    for line in block.splitlines()
    if line.startswith("forkeval ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_parses(command: str) -> None:
    assert parser().parse_args(shlex.split(command, comments=True)[1:]).verb == "nightly"
