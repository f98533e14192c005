"""Loads a nightly YAML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline import yaml_config
from pipeline.nightly.config import NightConfig

CONFIGS = Path(__file__).parent / "configs"


def load(path_or_name: str, overrides: Sequence[str], warn: Callable[[str], None]) -> NightConfig:
    """The configuration of a file or of a named one.

    Where it names no directory, that is `nights` beside the file, wherever the command is run; of a
    named one, in the current directory. Raises ConfigError, which names every fault with its line.
    """
    config = yaml_config.read(NightConfig, CONFIGS, path_or_name, overrides, warn)
    if "directory" in config.model_fields_set:
        return config
    path = Path(path_or_name).expanduser()
    base = path.parent.resolve() if path.is_file() else Path.cwd()
    return config.model_copy(update={"directory": base / config.directory})
