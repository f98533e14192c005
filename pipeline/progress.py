"""Progress of a run: a bar a stage, with rate and time left; plain lines in a log."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

LINE = (
    "{desc}: {n_fmt} of {total_fmt} {unit}s, {elapsed} gone, {remaining} left, {rate_fmt}{postfix}"
)


class Lines:
    """A file to which a bar is written anew by a line, where nobody sees it grow."""

    def write(self, text: str) -> None:
        for line in text.replace("\r", "\n").splitlines():
            if line.strip():
                sys.stderr.write(f"{line.rstrip()}\n")

    def flush(self) -> None:
        sys.stderr.flush()


class Progress:
    """A bar; a context manager.

    On a terminal several bars stand below each other; in a log each prints a line now and then.
    """

    def __init__(self, label: str, total: int, unit: str, position: int = 0, done: int = 0) -> None:
        """total, done: of `unit`; done was there before and does not count in the rate."""
        terminal = sys.stderr.isatty()
        self._bar: Any = tqdm(
            desc=f"{label:8}",
            total=total,
            initial=done,
            unit=unit,
            position=position if terminal else 0,
            mininterval=0.2 if terminal else 15,
            maxinterval=60,
            dynamic_ncols=terminal,
            bar_format=None if terminal else LINE,
            smoothing=0.05,
            file=sys.stderr if terminal else Lines(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def advance(self, count: int = 1, note: str = "") -> None:
        """So many more are done; `note` stands behind the bar."""
        if note:
            self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(count)
