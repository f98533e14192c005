"""Kills the store's workload at every one of its file operations, in forked children.

A program of its own, so that children are forked from a process without threads:
``python crash_driver.py DIRECTORY kill|power``; writes one JSON line for each operation.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from faulty_disk import KilledDisk, PowerlessDisk
from store_workload import candidate, committed, content, unlisted, work

from pipeline.records import Candidate
from pipeline.store.disk import Disk
from pipeline.store.shards import encode


def forked(body: Callable[[], object], result: Path) -> int:
    """Runs `body` in a child, its value as JSON in `result`; returns the exit code."""
    child = os.fork()
    if child == 0:
        try:
            value = body()
            result.write_text(json.dumps(value))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(directory: Path, mode: str) -> None:
    disk_of = {"kill": KilledDisk, "power": PowerlessDisk}[mode]
    encode(Candidate, [candidate(0)])  # Arrow imports what it needs here, once; starts no thread
    for at in range(10_000):
        run, log, result = directory / f"{at}", directory / f"{at}.log", directory / "result"
        log.touch()

        def computed(stage: str, key: object, log: Path = log) -> None:
            with log.open("a") as file:  # closed, so it outlives the kill
                file.write(f"{stage} {key}\n")

        def killed(at: int = at, run: Path = run) -> None:
            work(run, disk_of(at), computed)

        def again(run: Path = run) -> object:
            before = committed(run) if (run / "run.json").exists() else {}
            work(run, Disk(), computed)
            after = committed(run)
            return {
                "kept": all(after.get(name) == found for name, found in before.items()),
                "content": content(run),
                "unlisted": unlisted(run),
            }

        code = forked(killed, result)
        if code == 0:
            return  # fewer operations than `at`: every one was killed once
        outcome = {"at": at, "code": code, "again": forked(again, result)}
        if outcome["again"] == 0:
            outcome |= json.loads(result.read_text())
        lines = Counter(log.read_text().splitlines())
        redone = Counter(line.split()[0] for line in lines.elements())
        redone.subtract(line.split()[0] for line in lines)
        print(json.dumps({**outcome, "redone": redone}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
