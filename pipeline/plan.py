"""`forkeval plan RUN`: what n an interval of a given width needs, and what that run will cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.compare import opened
from pipeline.records import UserError
from reports.html import DASH, amount, percent
from reports.ledger import Entry
from reports.plan import MOST, Pilot, Plan, plan
from reports.plan_costs import costs
from reports.tally import tally


def planned(
    path: Path, width: float, ks: tuple[int, ...], n: int | None, problems: int | None
) -> Iterator[str]:
    """Lines for a person to read.

    path: a run of a few samples, reported or not. width: of the interval, high less low, in points.
    ks: those of the run's report where empty. n: cost that, not what is needed. problems: of the
    full run; else the pilot's.

    Raises UserError where the pilot cannot carry a plan.
    """
    if not 0 < width < 100:
        raise UserError(f"--width: points between 0 and 100, not {width:g}")
    if any(number is not None and number < 1 for number in (n, problems, *ks)):
        raise UserError("--k, --n and --problems: whole numbers from 1 on")
    source = opened(path).source
    counts = tally(source)
    if int(counts.n.min()) < 2:
        raise UserError(
            f"{path}: a plan needs two judged samples of each problem: "
            f"forkeval resume {path} --set sampling.n=4"
        )
    pilot = Pilot(counts.n, counts.c, counts.unit, source.settings.confidence)
    level = f"{pilot.confidence:.0%}"
    yield f"{path}: {pilot.problems} problems, n = {source.n}"
    needed = []
    for k in ks or tuple(sorted(set(source.settings.k))):
        found = plan(pilot, k, width / 100)
        yield ""
        yield (
            f"pass@{k}, about {percent(found[0].value)} % (by {found[0].source}); {level} interval "
            f"{width:g} points wide:"
        )
        for one in found:
            yield f"  {one.kind}: {answer(one, pilot)}"
            needed += [one.n] if one.n is not None else []
    wanted = [n] if n is not None else sorted(set(needed))
    for count in wanted:
        size = problems or pilot.problems
        yield ""
        yield f"n = {count} of {size} problems, on this machine:"
        yield from table(costs(source, counts, count, size))


def answer(one: Plan, pilot: Pilot) -> str:
    if one.n is not None:
        return f"n = {one.n} ({100 * one.width:.1f} points)"
    floor = f"no n gives it (n = {MOST:,} would give {100 * one.width:.1f} points)"
    if one.problems is None:
        return floor
    return f"{floor}; {one.problems} problems would, with n = {max(pilot.least, one.k)}"


def table(entries: list[Entry]) -> Iterator[str]:
    known = [entry.value if entry.value == entry.value else None for entry in entries]
    cells = [
        (entry.name, DASH if value is None else amount(value, entry.unit), entry.unit, entry.note)
        for entry, value in zip(entries, known, strict=True)
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(3)]
    for name, value, unit, note in cells:
        yield f"  {name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {note}".rstrip()
