"""The command line that the long checks over published sets share."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from pipeline.records import UserError
from sandboxes import languages

# Languages, sets, the first so many programs of each, workers; nothing named is everything.
Run = Callable[[Sequence[str], Sequence[str], int | None, int | None], None]


def over_sets(name: str, description: str | None, run: Run, argv: Sequence[str] | None) -> int:
    """Parses and runs; the exit status: 0, 2 after a UserError, 130 after Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.full.{name}", description=description)
    parser.add_argument(
        "--language", action="append", default=[], choices=sorted(languages.load()),
        help="only this one (repeatable); in the order of the manifests otherwise",
    )  # fmt: skip
    parser.add_argument("--set", action="append", default=[], help="e.g. mbxp_canonical")
    parser.add_argument("--limit", type=int, help="only the first programs; nothing is recorded")
    parser.add_argument("--workers", type=int, help="sandboxes at once; else the engine's cores")
    given = parser.parse_args(argv)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        run(given.language, given.set, given.limit, given.workers)
    except UserError as fault:
        print(f"{name}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped; the same command goes on where it was", file=sys.stderr)
        return 130
    return 0
