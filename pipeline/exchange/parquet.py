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
from pipeline.records import TABLES, UserError
from pipeline.reranking import asked_tables
from pipeline.stages import report
from pipeline.store import UPSTREAM, Store
from pipeline.store.disk import Disk
from pipeline.wanted import Wanted

METADATA = b"forkeval"  # key of a JSON document in each file's schema


def export(run: Path, asked: Asked, warn: Callable[[str], None]) -> list[Path]:
    """Writes `<table>.parquet` for every table with rows that are current, and returns the paths.

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
            found = list(tables(store, wanted, name))
            if found:
                path = folder / f"{name}.parquet"
                write(path, pa.concat_tables(found), {"table": name, **described})
                written.append(path)
    return written


def tables(store: Store, wanted: Wanted, name: str) -> Iterator[pa.Table]:
    """The current rows of a table that are wanted, from each place that has some."""
    if name == "executions":
        yield from executions(store, wanted)
        return
    if name == "stage_times":
        yield from some(store.shared("times").table(name))
        return
    current = {stage: store.current_parts(stage) for stage in UPSTREAM}
    for found in current.values():
        if found is not None:
            yield from some(ours(wanted, found.table(name)))
    sampled, truncated = current["sample"], current["truncate"]
    if name == "candidates" or sampled is None or truncated is None:
        return  # what rankers sampled is no candidate; its calls and its cost are told
    for part in wanted.parts:
        if part in sampled.parts and part in truncated.parts:
            for own in asked_tables(store, part, sampled, truncated):
                yield from some(own.table(name))


def executions(store: Store, wanted: Wanted) -> Iterator[pa.Table]:
    """Those that the verdicts rest on, and those of rankers on the same programs."""
    judged = store.current_parts("execute")
    if judged is None:
        return
    verdicts = wanted.rows(judged.table("verdicts"))
    meanings = list(report.environment(store, "execute", wanted)["parts"].values())
    for stage, evidence in (("execute", store.config.execute.evidence), ("rerank", "completed")):
        table = store.shared(stage).table("executions")
        yield from some(report.executions(table, verdicts, meanings, evidence))


def ours(wanted: Wanted, table: pa.Table) -> pa.Table:
    """The rows that are wanted; all of a table whose rows belong to no part."""
    if "task_id" in table.column_names:
        return wanted.rows(table)
    if "dataset" in table.column_names:
        part = pc.binary_join_element_wise(table["dataset"], table["language"], "/")
        return table.filter(pc.is_in(part, value_set=pa.array(map(str, wanted.parts), pa.string())))
    return table


def some(table: pa.Table) -> Iterator[pa.Table]:
    if table.num_rows:
        yield table


def write(path: Path, table: pa.Table, described: Mapping[str, Any]) -> None:
    sink = pa.BufferOutputStream()
    noted = table.replace_schema_metadata({METADATA: json.dumps(described).encode()})
    pq.write_table(noted, sink, compression="zstd")
    disk = Disk()
    disk.make_directory(path.parent)
    disk.replace(path, bytes(sink.getvalue()))
