"""What a night was, as one JSON document: the files of a night are drawn from it alone."""

from __future__ import annotations

import dataclasses
from typing import Any

from pipeline.history import Flip, GateRow, History
from pipeline.nightly.cells import named
from pipeline.nightly.config import NightConfig
from pipeline.nightly.gates import family

SCHEMA = "forkeval.night/1"
EXIT_CODES = {"held": 0, "failed": 1, "error": 2}


def outcome(history: History, night: int, gates: list[GateRow]) -> str:
    """failed: a gate did; error: none failed, but something could not be evaluated."""
    if any(gate.state == "failed" for gate in gates):
        return "failed"
    states = {row.state for row in history.cells(night)}
    return "error" if states & {"infrastructure", "error"} else "held"


def summary(config: NightConfig, history: History, night: int) -> dict[str, Any]:
    """The content of summary.json."""
    figures = history.figures(night)
    gates = history.gates(night)
    told = outcome(history, night, gates)
    record = history.night(night)
    cells = [
        {
            "cell": named(row.series, row.checkpoint),
            "series": row.series,
            "checkpoint": row.checkpoint,
            "step": row.step,
            "state": row.state,
            "reason": row.reason,
            "run": row.run,
            "seconds": row.seconds,
            "accepted": row.accepted,
            "figures": {
                name: dict(zip(("value", "low", "high"), numbers, strict=True))
                for name, numbers in figures.get((row.series, row.checkpoint), {}).items()
            },
        }
        for row in history.cells(night)
    ]
    return {
        "schema": SCHEMA,
        "name": config.name,
        "night": night,
        "started": record["started"].isoformat(sep=" ", timespec="seconds"),
        "seconds": record["seconds"],
        "outcome": told,
        "exit_code": EXIT_CODES[told],
        "tests": family(gates),
        "cells": cells,
        "gates": [
            {
                "gate": described(config, gate),
                "cell": named(gate.series, gate.checkpoint),
                **{
                    name: value
                    for name, value in dataclasses.asdict(gate).items()
                    if name in ("metric", "state", "value", "baseline", "p", "said")
                },
            }
            for gate in gates
        ],
        "flaky": {
            "executed": history.executed_again(night) or 0,
            "found": len(history.flips(night, night)),
            "quarantined": [
                {"night": seen, **dataclasses.asdict(flip)}
                for seen, flip in quarantined(config, history, night)
            ],
        },
    }


def quarantined(config: NightConfig, history: History, night: int) -> list[tuple[int, Flip]]:
    """What keeps problems out of this night's gates: the last change of each problem's verdict."""
    found: dict[tuple[str, str, str], tuple[int, Flip]] = {}
    for seen, flip in history.flips(night - config.flaky.nights + 1, night):
        found.setdefault((flip.dataset, flip.language, flip.task_id), (seen, flip))
    return list(found.values())


def described(config: NightConfig, row: GateRow) -> str:
    """A gate in a few words."""
    if row.position >= len(config.gates):
        return row.metric
    gate = config.gates[row.position]
    metric = gate.metric.replace("_", " ")
    return {
        "fall": f"{metric} falls by no more than noise",
        "below": f"{metric} below {gate.below:.1%}" if gate.below else metric,
        "of_baseline": f"{metric} at least {gate.of_baseline:.0%} of the baseline's median"
        if gate.of_baseline
        else metric,
    }[gate.rule]
