"""The loss curve as a small SVG, drawn from the training log."""

from __future__ import annotations

import csv
import math
from pathlib import Path

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 320, 60, 40, 20


def draw_loss(log: Path, out: Path) -> None:
    """Write ``out``: loss on completion tokens (log scale) against tokens trained on."""
    with log.open(encoding="utf-8") as file:
        rows = [(float(r["tokens"]), float(r["completion_loss"])) for r in csv.DictReader(file)]
    most = max(tokens for tokens, _ in rows)
    high = math.ceil(math.log10(max(loss for _, loss in rows)))
    low = math.floor(math.log10(min(loss for _, loss in rows)))

    def x(tokens: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - 20) * tokens / most

    def y(loss: float) -> float:
        share = (high - math.log10(loss)) / (high - low)
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * share

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        "<title>Training loss of the tiny model</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - 20}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">1e{power}</text>')
    points = " ".join(f"{x(tokens):.1f},{y(loss):.1f}" for tokens, loss in rows)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>')
    parts.append(
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 10}" text-anchor="middle">'
        f"tokens (0 to {most / 1e6:.0f} million); vertical: loss on completion tokens</text></svg>"
    )
    out.write_text("\n".join(parts) + "\n", encoding="utf-8")
