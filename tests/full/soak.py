"""A long mix of good and hostile programs: `python -m tests.full.soak [--executions 20000]`.

Every program must get a verdict that it may get, and nothing may pile up: processes, files and
System V objects in the sandboxes, containers, descriptors and threads of this process, its memory.
Programs run in blocks; between two of them everything is idle and is counted. A block is a
checkpoint: killed at any time, the same command goes on after the last one. The result is written
to sandboxes/results/soak.json.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.environment import processor
from pipeline.progress import Progress
from pipeline.records import Job, Limits, UserError, digest
from sandboxes import engine, languages
from sandboxes.pool import DockerExecutor
from tests.integration.sandboxes.host import Watch
from tests.integration.sandboxes.hostile import Hostile
from tests.integration.sandboxes.hostile import load as load_hostile

ROOT = Path(__file__).resolve().parents[2]
RESULT = ROOT / "sandboxes" / "results" / "soak.json"
CHECKPOINT = ROOT / ".build" / "soak.json"
LIMITS = Limits(
    cpu_seconds=2.0, wall_seconds=6.0, compile_seconds=20.0, memory_mib=256, disk_mib=16
)
SEED = 20261124
BLOCK = 250
SLOW = ("timeout", "out_of_memory")
# Shares of the mix: programs that pass, ordinary ones that do not, hostile ones, and, few because
# each takes seconds, those of all kinds that run into a limit.
SHARES = {"good": 0.60, "wrong": 0.25, "hostile": 0.14, "slow": 0.01}
# Growth of the parent between the second and the last quarter of a session. Less than 1 KiB for
# each of 10,000 executions; the allocator's own noise is a few MiB.
GROWTH_MIB = 8
# The engine's client keeps some connections for the next request. A leak with each replaced
# sandbox, of which a session has hundreds, is far more.
GROWTH_DESCRIPTORS = 12


@dataclass(frozen=True, slots=True)
class Case:
    """A program of the mix, and the verdicts that it may get."""

    job: Job
    verdicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is counted between two blocks."""

    session: int  # a kill ends one
    executions: int  # done when it was taken
    resident_mib: float
    descriptors: int
    threads: int  # more than before the first block
    sandboxes: int  # that the pool holds
    containers: int  # of this process, as the engine lists them


@dataclass(slots=True)
class State:
    """How far the soak has come."""

    session: int = 0
    done: int = 0
    seconds: float = 0.0
    verdicts: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(path)

    @staticmethod
    def load(path: Path) -> State:
        if not path.is_file():
            return State()
        values = json.loads(path.read_text())
        values["readings"] = [Reading(**reading) for reading in values["readings"]]
        return State(**values)


class Mix:
    """Draws the i-th program by i alone, so that a session goes on where another was killed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._kinds: dict[str, dict[str, list[Case]]] = {kind: {} for kind in SHARES}
        for name in names:
            language = languages.get(name)
            for test in language.self_tests:
                kind = "good" if test.verdict == "passed" else "wrong"
                known = Hostile(name, "", kind, test.completion, (test.verdict,))
                self._add(kind, Case(known.job(), known.verdicts))
        for hostile in load_hostile():
            if hostile.language in names and not hostile.slow:
                self._add("hostile", Case(hostile.job(), hostile.verdicts))

    def _add(self, kind: str, case: Case) -> None:
        kind = "slow" if set(SLOW) & set(case.verdicts) else kind
        self._kinds[kind].setdefault(case.job.language, []).append(case)

    def __getitem__(self, index: int) -> Case:
        draw = random.Random(f"{SEED} {index}")
        (kind,) = draw.choices(list(SHARES), list(SHARES.values()))
        by_language = self._kinds[kind]
        return draw.choice(by_language[draw.choice(sorted(by_language))])


def _reading(state: State, pool: DockerExecutor, client: Any, idle_threads: int) -> Reading:
    until = time.monotonic() + 10  # threads of a finished run end in their own time
    while threading.active_count() > idle_threads and time.monotonic() < until:
        time.sleep(0.05)
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    mine = {"label": f"forkeval.owner={engine.owner()['forkeval.owner']}"}
    return Reading(
        session=state.session,
        executions=state.done,
        resident_mib=round(int(resident.split()[1]) / 1024, 1),
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count() - idle_threads,
        sandboxes=len(pool._sandboxes),
        containers=len(client.containers.list(all=True, filters=mine)),
    )


def _block(state: State, mix: Mix, size: int, pool: DockerExecutor, bar: Progress) -> None:
    """Runs the next programs, all of them or none of them counted."""
    cases = [mix[index] for index in range(state.done, state.done + size)]
    # A job is named after its place in the mix: equal programs run as often as they are drawn.
    jobs = {
        str(state.done + i): dataclasses.replace(case.job, program_hash=str(state.done + i))
        for i, case in enumerate(cases)
    }
    expected = dict(zip(jobs, cases, strict=True))
    for done in pool.run(jobs.values()):
        case = expected.pop(done.program_hash)
        for counts, name in ((state.verdicts, done.verdict), (state.languages, done.language)):
            counts[name] = counts.get(name, 0) + 1
        if done.verdict not in case.verdicts:
            text = case.job.completion[:80]
            state.faults.append(
                f"program {done.program_hash} ({done.language}): {done.verdict}, not"
                f" {' or '.join(case.verdicts)}: {done.detail}: {text!r}"
            )
        bar.advance()
    state.faults += [f"program {name} got no verdict" for name in expected]
    state.done += size


def growth(readings: Sequence[Reading]) -> list[str]:
    """What grew within one session; judged from two blocks in each quarter on."""
    if len(readings) < 8:
        return []
    quarter = len(readings) // 4
    early, late = readings[quarter : 2 * quarter], readings[-quarter:]
    found = []
    before, after = (statistics.median(r.resident_mib for r in part) for part in (early, late))
    if after > before + GROWTH_MIB:
        found.append(f"resident memory grew from {before:.0f} to {after:.0f} MiB")
    before, after = (max(r.descriptors for r in part) for part in (early, late))
    if after > before + GROWTH_DESCRIPTORS:
        found.append(f"open descriptors grew from {before:.0f} to {after:.0f}")
    for reading in readings:
        if reading.threads > 0:
            found.append(f"{reading.threads} threads left after {reading.executions} executions")
        if reading.containers > reading.sandboxes:
            found.append(
                f"{reading.containers} containers, of which the pool knows {reading.sandboxes},"
                f" after {reading.executions} executions"
            )
    return found


def soak(executions: int, workers: int, names: Sequence[str], checkpoint: Path) -> State:
    """Runs to so many executions, from the checkpoint on; the state holds every fault found."""
    state, mix = State.load(checkpoint), Mix(names)
    state.session += 1
    client = engine.connect()
    # Another session's readings are of another process.
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(client, patch)
        with (
            watch.pool(LIMITS, workers) as pool,
            Progress("soak", executions, "execution", done=state.done) as bar,
        ):
            pool.prepare(names)
            idle = threading.active_count()
            while state.done < executions:
                started = time.monotonic()
                _block(state, mix, min(BLOCK, executions - state.done), pool, bar)
                state.faults += watch.left_now()
                state.seconds += time.monotonic() - started
                state.readings.append(_reading(state, pool, client, idle))
                state.save(checkpoint)
        until = time.monotonic() + 60  # the engine removes a container in its own time
        while (left := watch.left_at_the_end()) and time.monotonic() < until:
            time.sleep(1)
    state.faults += left
    for session in sorted({reading.session for reading in state.readings}):
        state.faults += growth([r for r in state.readings if r.session == session])
    return state


def _write(state: State, path: Path) -> None:
    values = asdict(state)
    readings = values.pop("readings")
    values["seconds"] = round(state.seconds)
    values["machine"] = {"processor": processor(), "cores": os.cpu_count()}
    values["limits"] = repr(LIMITS)
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    rows = ",\n".join(f"  {json.dumps(reading)}" for reading in readings)
    path.write_text("{\n" + ",\n".join(lines) + ',\n "readings": [\n' + rows + "\n ]\n}\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.full.soak", description=__doc__)
    parser.add_argument("--executions", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument(
        "--language", action="append", default=[], choices=sorted(languages.load()),
        help="only this one (repeatable)",
    )  # fmt: skip
    parser.add_argument("--result", type=Path, default=RESULT, help="where to write the figures")
    given = parser.parse_args(argv)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    names = given.language or sorted(languages.load())
    which = digest(*names, str(given.executions))[:8]
    checkpoint = CHECKPOINT.with_suffix(f".{which}.json")
    try:
        state = soak(given.executions, given.workers, names, checkpoint)
    except UserError as fault:
        print(f"soak: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("soak: stopped; the same command goes on after the last block", file=sys.stderr)
        return 130
    _write(state, given.result)
    checkpoint.unlink()  # the next soak is a new one
    for found in state.faults:
        print(f"soak: {found}", file=sys.stderr)
    print(f"{state.done} executions, {len(state.faults)} faults, {dict(state.verdicts)}")
    return 1 if state.faults else 0


if __name__ == "__main__":
    sys.exit(main())
