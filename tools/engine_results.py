"""What `forkeval bench engine` and the proofs wrote, as tables and figures ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "pipeline" / "engine" / "results"
Found = dict[str, Any]


def files(kind: str) -> Iterator[tuple[Path, Found]]:
    """Files whose names hold -KIND-, in order of name."""
    for path in sorted(RESULTS.glob(f"*-{kind}-*.json"), key=lambda path: path.stem):
        yield path, json.loads(path.read_text())


def series(found: Found, prefix: int) -> list[Found]:
    """Rows of one prompt length by number of samples."""
    rows = [row for row in found["rows"] if row.get("prefix") == prefix]
    return sorted(rows, key=lambda row: row["samples"])


def prefixes(found: Found) -> list[int]:
    return sorted({row["prefix"] for row in found["rows"]})


def milliseconds(row: Found, peer: str | None = None) -> float | None:
    """Ours or a peer's; None where it was not measured or had no room."""
    value = row.get("ms") if peer is None else row["peers_ms"].get(peer)
    return value if isinstance(value, int | float) else None
