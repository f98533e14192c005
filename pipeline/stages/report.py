"""Report: every table of a run to metrics.json, report.md, report.html and figures/."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.benchmarks import weak
from pipeline.config import RunConfig
from pipeline.ranker_terms import Lexicographic, Ranker, Term, Weighted, alone, parse
from pipeline.records import TABLES, EngineEvents, Evidence, Execution, UserError
from pipeline.reranking import asked_tables
from pipeline.store import UPSTREAM, PartedTables, StageTables, Store
from pipeline.store.shards import keys
from pipeline.wanted import Wanted
from reports import render
from reports.data import Joined, Rates, ReportInput, Settings, WeakTests

NOTHING: Mapping[str, Collection[str]] = {}


def report(config: RunConfig, store: Store, wanted: Wanted) -> Path:
    """Writes the report of the rows that are current, and returns the path of report.html.

    Raises UserError as `gather` does.
    """
    return render(gather(config, store, wanted), store.path / "report")


def gather(
    config: RunConfig, store: Store, wanted: Wanted, unread: Mapping[str, Collection[str]] = NOTHING
) -> ReportInput:
    """The rows that are current, as reports want them.

    unread: columns, by table, that are left out: texts are most of a run, and counts need none.

    Raises UserError where a stage has not run, or a candidate has no verdict yet: a report of part
    of the problems would be a false number.
    """

    def columns(table: str) -> list[str]:
        left_out = unread.get(table, ())
        return [f.name for f in dataclasses.fields(TABLES[table]) if f.name not in left_out]

    load, sampled, truncated, judged, ranked = (
        store.required(stage, wanted.parts) for stage in UPSTREAM
    )
    verdicts = wanted.rows(judged.table("verdicts"))
    if verdicts.num_rows != wanted.candidates:
        raise UserError(
            f"{store.path}: {wanted.candidates - verdicts.num_rows} of {wanted.candidates} "
            f"candidates have no verdict yet: forkeval resume {shlex.quote(str(store.path))}"
        )
    prices = config.report.prices
    ran_on = {stage: environment(store, stage, wanted) for stage in UPSTREAM}
    meanings = list(ran_on["execute"]["parts"].values())
    asked = [
        tables for part in wanted.parts for tables in asked_tables(store, part, sampled, truncated)
    ]
    return ReportInput(
        name=config.name,
        n=wanted.n,
        problems=wanted.rows(load.table("problems", columns("problems"))),
        calls=wanted.rows(sampled.table("calls", columns("calls"))),
        candidates=wanted.rows(sampled.table("candidates", columns("candidates"))),
        engine_steps=sampled.table("engine_steps"),
        programs=wanted.rows(truncated.table("programs", columns("programs"))),
        executions=marked(
            store.shared("execute"),
            columns("executions"),
            verdicts,
            meanings,
            config.execute.evidence,
        ),
        verdicts=verdicts,
        rankings=wanted.rows(ranked.table("rankings")),
        public_examples=wanted.rows(load.table("public_examples")),
        ranking_costs=ranked.table("ranking_costs"),
        agreements=wanted.rows(ranked.table("agreements")),
        ranking_calls=pa.concat_tables([own.table("calls") for own in asked]),
        ranking_steps=of_purposes(asked, "engine_steps"),
        device_energy=sampled.table("device_energy"),
        ranking_energy=of_purposes(asked, "device_energy"),
        ranking_executions=marked(
            store.shared("rerank"),
            columns("executions"),
            verdicts,
            meanings,
            "completed",
        ),
        alone=frozenset(n for n in config.rerank.rankers if alone(parse(n))),
        joined=dict(joined(config.rerank.rankers)),
        settings=Settings(
            k=config.report.k,
            bootstrap=config.report.bootstrap,
            confidence=config.report.confidence,
            seed=config.report.seed,
            prices=Rates(**prices.model_dump()),
        ),
        weak_tests=weak_tests(verdicts),
        max_rows=config.engine.max_rows,
        tile=ran_on["sample"].get("tile"),
        wall_seconds=wall_seconds(store),
        environment=ran_on | {"sample": ran_on["sample"] | engine_events(sampled)},
        config=config.model_dump(mode="json"),
        commands=commands(store),
    )


def joined(names: Sequence[str]) -> Iterator[tuple[str, Joined]]:
    """Combinations whose order depends on which samples there are, in the reports' words."""

    def told(term: Term) -> str | Joined:
        match term:
            case Ranker(name):
                return name
            case Lexicographic(terms):
                return Joined(tuple(map(told, terms)))
            case Weighted(weighted):
                weights, terms = zip(*weighted, strict=True)
                return Joined(tuple(map(told, terms)), weights)

    for name in names:
        term = told(parse(name))
        if isinstance(term, Joined) and not alone(parse(name)):
            yield name, term


def of_purposes(asked: Sequence[StageTables], name: str) -> pa.Table:
    """Tables of what rankers asked, with the purpose that each was asked for."""
    found = []
    for own in asked:
        purposes = own.table("calls", ["purpose"])["purpose"].unique().to_pylist()
        assert len(purposes) < 2  # generated and reviewed lie apart
        table = own.table(name)
        column = pa.array(purposes * table.num_rows, pa.string())
        found.append(
            table.append_column("purpose", column)
            if purposes
            else table.slice(0, 0).append_column("purpose", pa.array([], pa.string()))
        )
    return pa.concat_tables(found)


def weak_tests(verdicts: pa.Table) -> WeakTests:
    """What the shipped findings say of the tests that the verdicts rest on."""
    found = {}
    names = ("dataset", "language", "task_id", "test_hash")
    for row in verdicts.select(names).group_by(names).aggregate([]).to_pylist():
        passed = weak.passed_by(row["language"], row["test_hash"])
        if passed is not None:
            found[row["dataset"], row["language"], row["task_id"]] = passed
    return WeakTests(found)


def environment(store: Store, stage: str, wanted: Wanted) -> dict[str, Any]:
    """What a stage ran on, and what its rows mean, all of them and by part."""
    record = store.latest(stage)
    if record is None:
        return {}
    found = store.latest_parts(stage)
    parts = {
        str(part): {"identity": found[part].identity, **found[part].environment["meaning"]}
        for part in wanted.parts
        if part in found
    }
    return {"identity": record.identity, **record.environment, "parts": parts}


def engine_events(sampled: PartedTables) -> dict[str, Any]:
    """What the sample stage's engine had to do beside drawing, in all; {} where it left no row."""
    events = sampled.table("engine_events")
    if not events.num_rows:
        return {}
    counts = events.drop_columns(list(EngineEvents.KEY))
    return {"events": {name: pc.sum(counts[name]).as_py() for name in counts.column_names}}


def executions(
    table: pa.Table,
    verdicts: pa.Table,
    meanings: Sequence[Mapping[str, str]],
    asked: Evidence,
) -> pa.Table:
    """The executions that the verdicts rest on.

    The shared table may hold those of other programs, and of the same programs in other images,
    under other limits or for other evidence. meanings: what the execute stage recorded of each part
    (image, limits). asked: the evidence that the run asks for.
    """
    mask = pc.is_in(table["program_hash"], value_set=pc.unique(verdicts["program_hash"]))
    for column, of in (("image_digest", "image"), ("limits_hash", "limits")):
        ours = pa.array(sorted({meaning[of] for meaning in meanings}), pa.string())
        mask = pc.and_(mask, pc.is_in(table[column], value_set=ours))
    mask = pc.and_(mask, pc.equal(table["asked_evidence"], asked))
    return table.filter(mask)


def marked(
    tables: StageTables,
    columns: Sequence[str],
    verdicts: pa.Table,
    meanings: Sequence[Mapping[str, str]],
    asked: Evidence,
) -> pa.Table:
    """As `executions`, with a column `reused`: whether the row was copied from an earlier run."""
    found = executions(tables.table("executions", columns), verdicts, meanings, asked)
    marks = tables.keys("reused")
    reused = [key in marks for key in keys(Execution, found)] if marks else [False] * len(found)
    return found.append_column("reused", pa.array(reused, pa.bool_()))


def wall_seconds(store: Store) -> dict[str, float]:
    """Wall time by stage, over all invocations."""
    spent: dict[str, float] = {}
    for row in store.shared("times").records("stage_times"):
        spent[row.stage] = spent.get(row.stage, 0.0) + row.m_wall_seconds
    return spent


def commands(store: Store) -> tuple[str, ...]:
    """Shell lines that make this run again: its configuration is saved beside its rows."""
    return (f"forkeval resume {shlex.quote(str(store.path))}",)
