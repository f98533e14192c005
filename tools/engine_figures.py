"""Writes docs/engine/*.svg from the results of `forkeval bench engine`: `make docs`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from engine_results import Found, files, milliseconds, prefixes, series

from reports.log_chart import alone, log_chart
from reports.svg import Frame, Line, chart

NAMES = {None: "forkeval", "two einsums": "two einsums", "replicated SDPA": "replicated KV"}
WIDTH, HEIGHT = 640, 340


def figures() -> Iterator[tuple[str, str]]:
    """File names and their content."""
    yield from speed_figures()
    for path, found in files("pass"):
        yield f"{path.stem}.svg", _pass_chart(path.stem, found)


def speed_figures() -> Iterator[tuple[str, str]]:
    """Latency and throughput, as `figures`."""
    for path, found in files("steps"):
        for prefix in prefixes(found):
            rows = series(found, prefix)
            shape = rows[0]["shape"]
            for what in ("latency", "throughput"):
                name = f"{path.stem}-{prefix}-{what}"
                yield f"{name}.svg", _chart(name, what, found["device"], shape, prefix, rows)


def _pass_chart(name: str, found: Found) -> str:
    lines = [
        Line(curve["name"], curve["k"], curve["value"], curve["low"], curve["high"], tone=tone)
        for tone, curve in enumerate(found["curves"], start=1)
    ]
    frame = Frame(WIDTH, HEIGHT, "n, samples a problem", "problems", labelled=True)
    title = f"pass@n, and pass@top3 after {found['ranker']}, against n"
    desc = f"The bundled model on {found['problems']} problems of the bundled benchmark."
    return alone(name, title, desc, chart(lines, frame), frame)


def _chart(name: str, what: str, device: str, shape: str, prefix: int, rows: list[Found]) -> str:
    samples = [row["samples"] for row in rows]
    lines = []
    for tone, (peer, label) in enumerate(NAMES.items(), start=1):
        times = [milliseconds(row, peer) for row in rows]
        lines.append(Line(label, samples, _values(what, samples, times), tone=tone))
    floors = [row["floor_ms"] for row in rows]
    lines.append(Line("serial floor", samples, _values(what, samples, floors), dashed=True))
    unit = "milliseconds a decode step" if what == "latency" else "tokens a second"
    title = f"{shape}, prompt of {prefix:,} tokens: {what} against samples"
    desc = f"{device}, bf16. Replicated KV ends where memory does."
    frame = Frame(WIDTH, HEIGHT, "samples of one prompt, b", unit)
    return log_chart(name, title, desc, lines, frame)


def _values(what: str, samples: list[int], times: list[float | None]) -> list[float | None]:
    if what == "latency":
        return times
    return [ms and count / ms * 1e3 for count, ms in zip(samples, times, strict=True)]


def main(folder: Path) -> None:
    made = dict(figures())
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        if old.name not in made:
            old.unlink()
    for name, content in made.items():
        (folder / name).write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
