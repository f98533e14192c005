"""The history's tables, as ordered migrations: each is applied once, in a transaction of its own.

A migration that has been released is never changed; a new one is added at the end.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    # 1: nights, their cells, the figures of each, and what passed, by problem.
    """
    CREATE TABLE nights (
        night INTEGER PRIMARY KEY,
        started TIMESTAMP NOT NULL,
        ended TIMESTAMP,            -- NULL: under way, or killed
        seconds DOUBLE NOT NULL,    -- of work, over all starts
        outcome VARCHAR,            -- held, failed, error
        accepted_by_hand BOOLEAN NOT NULL DEFAULT FALSE
    );
    CREATE TABLE cells (
        night INTEGER NOT NULL,
        series VARCHAR NOT NULL,    -- model/benchmark/language/sampling
        checkpoint VARCHAR NOT NULL,
        step BIGINT,
        position INTEGER NOT NULL,  -- in the night's order
        state VARCHAR NOT NULL,     -- planned, done, stopped, not_reached, infrastructure, error
        reason VARCHAR NOT NULL,
        run VARCHAR NOT NULL,       -- its directory, relative to the history's; '' when pruned
        seconds DOUBLE NOT NULL,
        n INTEGER,
        problem_set VARCHAR,
        judged USMALLINT[],         -- by problem: samples with a verdict of their own
        passed USMALLINT[],
        facts VARCHAR,              -- JSON: data, truncation and toolchain
        accepted BOOLEAN NOT NULL DEFAULT FALSE,
        PRIMARY KEY (night, series, checkpoint)
    );
    CREATE TABLE problem_sets (id VARCHAR PRIMARY KEY, task_ids VARCHAR[] NOT NULL);
    CREATE TABLE figures (
        night INTEGER NOT NULL,
        series VARCHAR NOT NULL,
        checkpoint VARCHAR NOT NULL,
        metric VARCHAR NOT NULL,
        value DOUBLE NOT NULL,
        low DOUBLE,
        high DOUBLE
    );
    """,
    # 2: what the gates said of each night.
    """
    CREATE TABLE gates (
        night INTEGER NOT NULL,
        position INTEGER NOT NULL,
        series VARCHAR NOT NULL,
        checkpoint VARCHAR NOT NULL,
        metric VARCHAR NOT NULL,
        state VARCHAR NOT NULL,     -- held, failed, not_judged
        value DOUBLE,
        baseline DOUBLE,
        p DOUBLE,                   -- corrected over the night
        said VARCHAR NOT NULL
    );
    """,
    # 3: problems whose identical programs were judged in two ways.
    """
    CREATE TABLE flaky (
        night INTEGER NOT NULL,
        dataset VARCHAR NOT NULL,
        language VARCHAR NOT NULL,
        task_id VARCHAR NOT NULL,
        program_hash VARCHAR NOT NULL,
        first_verdict VARCHAR NOT NULL,
        second_verdict VARCHAR NOT NULL,
        PRIMARY KEY (night, dataset, language, task_id, program_hash)
    );
    CREATE TABLE executed_again (night INTEGER PRIMARY KEY, programs INTEGER NOT NULL);
    """,
)
