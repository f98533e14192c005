"""What a stage ran on: recorded with its rows, so that every number can be traced."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_NAMED = ("torch", "triton", "numpy", "pyarrow", "tokenizers", "docker")


def machine() -> dict[str, Any]:
    """Versions, cores and git revision (of the checkout that forkeval runs from, if it is one)."""
    versions = {}
    for name in _NAMED:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "forkeval": forkeval_version(),
        "git_revision": git_revision(),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "processor": processor(),
        "cores": os.cpu_count(),
        "versions": versions,
    }


def forkeval_version() -> str:
    """Our version; a plain checkout on the path without an installation says so."""
    try:
        return importlib.metadata.version("forkeval")
    except importlib.metadata.PackageNotFoundError:
        return "not installed (source tree)"


@functools.cache
def git_revision() -> str | None:
    """Commit of the source tree, with "-dirty" where files differ; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def processor() -> str:
    """The CPU's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
