"""Runs the cells of a night, one after the other, within its limits."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping

from pipeline.history import NOT_REACHED, CellRow, History
from pipeline.nightly.cells import Cell, folder, matrix
from pipeline.nightly.config import NightConfig
from pipeline.nightly.deadline import OutOfTime, limited
from pipeline.nightly.measured import measured
from pipeline.nightly.reuse import reuse
from pipeline.nightly.sandboxes_watch import InfrastructureFault
from pipeline.records import UserError
from pipeline.run import Run, Services
from pipeline.stages import STAGES
from pipeline.store import Store

RUNS = "runs"


def plan(config: NightConfig, history: History, night: int) -> dict[tuple[str, str], Cell]:
    """Puts the night's cells into the history, in their order; those planned before stay.

    First come the cells that the night before did not reach, then all in their stated order. A cell
    whose run was begun and not finished goes on in that run's directory.
    """
    before = {(row.series, row.checkpoint): row for row in history.cells(night - 1)}
    whole = history.figures(night - 1)  # of runs in which nothing is left to do
    cells = matrix(config, history.evaluated() - planned(history, night))

    def waited(cell: Cell) -> bool:
        return cell.key in before and before[cell.key].state in NOT_REACHED

    ordered = sorted(cells, key=lambda cell: not waited(cell))  # stable
    rows = []
    for position, cell in enumerate(ordered):
        last = before.get(cell.key)
        run = last.run if last is not None and cell.key not in whole else ""
        if not (config.place / run / "run.json").is_file():
            run = ""  # it was not begun
        place = run or f"{RUNS}/{night:05d}/{folder(cell.name)}"
        rows.append(
            CellRow(
                night, cell.series, cell.checkpoint, cell.step, position,
                "planned", "", place, 0.0, False,
            )
        )  # fmt: skip
    history.plan(rows)
    return {cell.key: cell for cell in cells}


def planned(history: History, night: int) -> set[tuple[str, str]]:
    return {(row.series, row.checkpoint) for row in history.cells(night)}


def work(
    config: NightConfig,
    history: History,
    night: int,
    cells: Mapping[tuple[str, str], Cell],
    services: Services,
) -> None:
    """Runs every cell that is planned and marks what became of it.

    A fault of one cell is that cell's; the night goes on. Raises KeyboardInterrupt, with all that
    was finished in the history.
    """
    todo = [row for row in history.cells(night) if row.state == "planned"]
    for at, row in enumerate(todo):
        cell = cells.get((row.series, row.checkpoint))
        if cell is None:
            history.mark(row, "error", "it is no longer in the YAML, or its files are gone", 0.0)
            continue
        left = seconds_left(config, history, night)
        reason = "the night's time was over" if left <= 0 else too_dear(config, history, row)
        if reason:
            history.mark(row, "not_reached", reason, 0.0)
            continue
        print(f"forkeval: cell {at + 1} of {len(todo)}: {cell.name}", file=sys.stderr)
        one(config, history, row, cell, services, None if left == math.inf else left)


def one(
    config: NightConfig,
    history: History,
    row: CellRow,
    cell: Cell,
    services: Services,
    left: float | None,
) -> None:
    started = time.monotonic()

    def spent() -> float:
        seconds = time.monotonic() - started
        history.spend(row.night, seconds)
        return seconds

    try:
        evaluate(config, history, row, cell, limited(services, left))
        found = measured(config.place / row.run)
    except KeyboardInterrupt:
        spent()
        raise
    except OutOfTime:
        history.mark(row, "stopped", "the night's time was over; it goes on next night", spent())
    except InfrastructureFault as fault:
        history.mark(row, "infrastructure", first_line(fault), spent())
    except Exception as fault:
        words = first_line(fault)
        if not isinstance(fault, UserError):
            words = f"{type(fault).__name__}: {words}"
        history.mark(row, "error", words, spent())
    else:
        share = found.figures["infrastructure_errors"][0]
        limit = config.infrastructure_limit(tuple(cell.name.split("/")))
        broken = f"{share:.1%} of the candidates have no verdict" if share >= limit else ""
        history.record(row, found, spent(), broken)


def evaluate(
    config: NightConfig, history: History, row: CellRow, cell: Cell, services: Services
) -> None:
    """The ordinary run of a cell, begun or gone on with; what was executed before is reused."""
    path = config.place / row.run
    own = cell.config.model_copy(
        update={"name": folder(cell.name), "directory": path.parent.resolve()}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with Store.create(path, own) as store:
        reuse(config.place, history, row, store)
        Run(own, store, STAGES, services)()


def first_line(fault: BaseException) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0]


def seconds_left(config: NightConfig, history: History, night: int) -> float:
    if config.limits.hours is None:
        return math.inf
    return config.limits.hours * 3600 - float(history.night(night)["seconds"])


def too_dear(config: NightConfig, history: History, row: CellRow) -> str:
    """Why a cell is not begun for its price, which is taken to be that of its last time; or ""."""
    if config.limits.money is None:
        return ""
    spent = sum(own["money"][0] for own in history.figures(row.night).values() if "money" in own)
    known = history.rows(
        "SELECT value FROM figures WHERE metric = 'money' AND series = ? ORDER BY night DESC "
        "LIMIT 1",
        [row.series],
    )
    price = float(known[0][0]) if known else 0.0
    if spent < config.limits.money and spent + price <= config.limits.money:
        return ""
    return f"the night's money was spent: {spent:g} of {config.limits.money:g}, it costs {price:g}"
