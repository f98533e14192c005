"""Prints the file that starts a night from a scheduler, with the paths of this machine in it."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from pipeline.nightly.config import NightConfig


def for_cron(path: str) -> str:
    """A shell word; cron takes a bare % for the end of the line."""
    return shlex.quote(path).replace("%", r"\%")


def for_systemd(path: str) -> str:
    """A word of ExecStart, in which % and $ begin something else."""
    doubled = path.replace("%", "%%").replace("$", "$$")
    return json.dumps(doubled) if shlex.quote(path) != path else doubled


FILES: dict[str, tuple[str, Callable[[str], str]]] = {
    "cron": ("nightly.cron", for_cron),
    "systemd-service": ("forkeval-nightly.service", for_systemd),
    "systemd-timer": ("forkeval-nightly.timer", for_systemd),
    "github": ("github.yml", shlex.quote),
    "slurm": ("nightly.sbatch", shlex.quote),
}


def template(kind: str, path_or_name: str, config: NightConfig) -> str:
    """The file of a scheduler. path_or_name: of the configuration, as the command line has it."""
    name, quoted = FILES[kind]
    text = (files("pipeline.nightly") / "templates" / name).read_text("utf-8")
    path = Path(path_or_name).expanduser()
    place = str(config.place.resolve())
    values = {
        "@FORKEVAL@": quoted(program()),
        "@CONFIG@": quoted(str(path.resolve()) if path.is_file() else path_or_name),
        "@PLACE@": quoted(place),
        "@PARENT@": quoted(str(Path(place).parent)),
        "@LOG@": quoted(f"{place}.log"),
        "@PATH@": place,
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text


def program() -> str:
    """Where this forkeval lies: a scheduler's PATH is seldom that of a shell."""
    called = Path(sys.argv[0])
    if called.name == "forkeval" and called.is_file():
        return str(called.resolve())
    beside = Path(sys.executable).with_name("forkeval")
    return str(beside) if beside.is_file() else shutil.which("forkeval") or "forkeval"
