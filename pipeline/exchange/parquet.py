"""`forkeval export RUN --format parquet`: the current tables of a run, one file each."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.environment import forkeval_version
from pipeline.exchange import samples
from pipeline.exchange.export import FOLDER, Asked
from pipeline.records import TABLES, Evidence, UserError
from pipeline.reranking import asked_tables
from pipeline.stages import report
from pipeline.store import UPSTREAM, Store
from pipeline.store.disk import Disk
from pipeline.wanted import Wanted

METADATA = b"forkeval"  # key of a JSON document in each file's schema
EXECUTED = ("executions", "reused")  # keyed alike, shared by all identities
RANKING = "ranking_"  # before the names of tables of what rankers asked


def export(run: Path, asked: Asked, warn: Callable[[str], None]) -> list[Path]:
    """Writes `<table>.parquet` for every table with rows that are current, and returns the paths;
    what rankers sampled and ran is in `ranking_<table>.parquet`.

    Columns and types are those of the records (`pipeline.records`); the metadata say which run and
    which versions made the rows. warn: gets one line for each stage that has no current rows.
    """
    folder = run / FOLDER / "parquet" if asked.out is None else asked.out
    if folder.suffix == ".parquet" or folder.is_file():
        raise UserError(f"--out {folder}: there is a file for each table: name a directory")
    written = []
    with Store.open(run, read_only=True) as store:
        wanted = samples.chosen(store, asked.dataset, asked.language)
        for stage in UPSTREAM:
            if store.current_parts(stage) is None:
                warn(
                    f"left out: the {stage} stage has no rows that follow from those before it: "
                    f"forkeval resume {shlex.quote(str(run))}"
                )
        described = {
            "run": store.config.name,
            "forkeval": forkeval_version(),
            "n": wanted.n,
            "parts": [str(part) for part in wanted.parts],
            "config": store.config.model_dump(mode="json"),
            "stages": {stage: report.environment(store, stage, wanted) for stage in UPSTREAM},
        }
        for name in TABLES:
            for prefix, places in (("", tables), (RANKING, ranking_tables)):
                found = [table for table in places(store, wanted, name) if table.num_rows]
                if found:
                    path = folder / f"{prefix}{name}.parquet"
                    write(path, pa.concat_tables(found), {"table": name, **described})
                    written.append(path)
    return written


def tables(store: Store, wanted: Wanted, name: str) -> Iterator[pa.Table]:
    """The current rows of a table that are wanted, from each place that may have some."""
    if name == "stage_times":
        yield store.shared("times").table(name)
    elif name in EXECUTED:
        yield from executions(store, wanted, "execute", store.config.execute.evidence, name)
    else:
        for stage in UPSTREAM:
            current = store.current_parts(stage)
            if current is not None:
                yield ours(wanted, current.table(name))


def ranking_tables(store: Store, wanted: Wanted, name: str) -> Iterator[pa.Table]:
    """What rankers asked of the model and of the sandboxes, as `tables`: no candidates of the run.

    They sample as often as they want, whatever n is.
    """
    if name in EXECUTED:
        yield from executions(store, wanted, "rerank", "completed", name)
        return
    sampled, truncated = store.current_parts("sample"), store.current_parts("truncate")
    if sampled is None or truncated is None:
        return
    any_sample = Wanted(wanted.problems, 1 << 62)
    for part in wanted.parts:
        if part in sampled.parts and part in truncated.parts:
            for own in asked_tables(store, part, sampled, truncated):
                yield ours(any_sample, own.table(name))


def executions(
    store: Store, wanted: Wanted, stage: str, evidence: Evidence, name: str
) -> Iterator[pa.Table]:
    """Those of a stage on the programs that have a verdict, in their images; or their marks."""
    judged = store.current_parts("execute")
    if judged is not None:
        meanings = list(report.environment(store, "execute", wanted)["parts"].values())
        table = store.shared(stage).table(name)
        yield report.executions(table, wanted.rows(judged.table("verdicts")), meanings, evidence)


def ours(wanted: Wanted, table: pa.Table) -> pa.Table:
    """The rows that are wanted; all of a table whose rows belong to no part."""
    if "task_id" in table.column_names:
        return wanted.rows(table)
    if "dataset" in table.column_names:
        part = pc.binary_join_element_wise(table["dataset"], table["language"], "/")
        return table.filter(pc.is_in(part, value_set=pa.array(map(str, wanted.parts), pa.string())))
    return table


def write(path: Path, table: pa.Table, described: Mapping[str, Any]) -> None:
    sink = pa.BufferOutputStream()
    noted = table.replace_schema_metadata({METADATA: json.dumps(described).encode()})
    pq.write_table(noted, sink, compression="zstd")
    disk = Disk()
    disk.make_directory(path.parent)
    disk.replace(path, bytes(sink.getvalue()))
