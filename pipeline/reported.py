"""The summary of a run's last report, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def summary(metrics: Path) -> Iterator[str]:
    """pass@k of all problems with intervals, and what is wrong with them; nothing without a file.

    metrics: a report's metrics.json.
    """
    if not metrics.exists():
        return
    document = json.loads(metrics.read_text("utf-8"))
    whole = next(scope for scope in document["scopes"] if scope["whole"])
    for row in whole["metrics"]:
        if row["value"] is None:
            yield f"{row['metric']}: {row['reason']}"
            continue
        low, high = row["low"], row["high"]
        span = "" if low is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
        yield f"{row['metric']}: {100 * row['value']:.1f} %{span}"
    yield from (f"warning: {line}" for line in document["alarms"])
