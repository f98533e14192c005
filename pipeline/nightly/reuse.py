"""Takes over what the cell's last finished run executed, so that no night executes it again.

An execution is known by program, test, image, limits and evidence: where any of these has changed
the copy fits nothing, and the program is executed. Every copy is marked: it is in the bill of the
run that executed it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.history import CellRow, History
from pipeline.nightly.flaky import UNTOLD
from pipeline.records import Evidence, Execution, Reused, UserError
from pipeline.stages import report
from pipeline.store import Store
from pipeline.store.shards import key_of, to_records


def reuse(place: Path, history: History, row: CellRow, store: Store) -> None:
    """Copies into a cell's run what it need not execute; what it has already stays as it is.

    place: what the history's run directories are relative to. Not copied are infrastructure errors
    and programs that were ever judged otherwise when executed again: the old verdict may be the
    wrong one.
    """
    earlier = last_run(history, row)
    if not earlier:
        return
    doubted = {flip.program_hash for _, flip in history.flips(1, row.night)}
    try:
        found = executed(place / earlier, doubted)
    except UserError as fault:
        print(f"forkeval: note: nothing is reused of {earlier}: {fault}", file=sys.stderr)
        return
    for stage, table in found.items():
        tables = store.shared(stage)
        have = tables.keys("executions")
        with store.writer(tables) as writer:
            for execution in to_records(Execution, table):
                if (key := key_of(execution)) not in have:
                    writer.add(execution, Reused(*key))


def last_run(history: History, row: CellRow) -> str:
    """The run of the series that was finished last, also earlier this night; "" without any."""
    found = history.rows(
        "SELECT run FROM cells WHERE series = ? AND state = 'done' AND run NOT IN ('', ?) "
        "ORDER BY night DESC, position DESC LIMIT 1",
        [row.series, row.run],
    )
    return str(found[0][0]) if found else ""


def executed(path: Path, doubted: Collection[str]) -> dict[str, pa.Table]:
    """By stage, the executions that a run's verdicts rest on, but for what is not to be reused.

    Those that it copied itself and had no use for end here, so copies do not pile up.
    """
    with Store.open(path, read_only=True) as store:
        verdicts = store.required("execute").table("verdicts", ["program_hash"])
        parts = store.latest_parts("execute").values()
        meanings = [part.environment["meaning"] for part in parts]
        asked: dict[str, Evidence] = {  # of candidates' tests, and of what rankers had run
            "execute": store.config.execute.evidence,
            "rerank": "completed",
        }
        found = {}
        for stage, evidence in asked.items():
            table = store.shared(stage).table("executions")
            rows = report.executions(table, verdicts, meanings, evidence)
            broken = pc.equal(rows["verdict"], UNTOLD)
            doubtful = pc.is_in(rows["program_hash"], value_set=pa.array([*doubted], pa.string()))
            found[stage] = rows.filter(pc.invert(pc.or_(broken, doubtful)))
        return found
