"""The sample stage as `forkeval run --stage sample` runs it, with shards on disk."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import assembly, yaml_config
from pipeline.backends.engine_backend import EngineCompleter
from pipeline.bench.decode_step import synchronize
from pipeline.bench.workloads import Workload
from pipeline.config import RunConfig
from pipeline.engine.graphs_ahead import Graphs
from pipeline.records import EngineStep, Problem, StageTime, Test
from pipeline.run import Run, Services
from pipeline.services import Completer
from pipeline.store import Store

LENGTHS = (16, 256)  # of every sample, drawn by seed


def configuration(
    folder: Path, checkpoint: Path, workload: Workload, vocab_size: int, device: str, max_rows: int,
    overrides: Sequence[str] = (),
) -> RunConfig:  # fmt: skip
    """A run of the workload as a YAML file describes it."""
    problems = folder / "bench.jsonl"
    workload.write(problems, vocab_size)
    described = {
        "name": "bench",
        "directory": str(folder / "runs"),
        "benchmarks": [{"name": "jsonl", "path": str(problems), "languages": ["python"]}],
        "model": {"path": str(checkpoint), "dtype": "bfloat16", "device": device},
        "engine": {"deterministic": False, "max_rows": max_rows, "prefill_chunk": 4096},
        "sampling": {
            "n": workload.samples, "temperature": 0.8, "top_p": 0.95,
            "max_new_tokens": LENGTHS[1], "length_draw": LENGTHS,
        },
    }  # fmt: skip
    path = folder / "bench.yaml"
    path.write_text(json.dumps(described))  # JSON is YAML
    return yaml_config.load(str(path), overrides)


class Watched:
    """The services of a run; notes when the weights were ready, and the graphs captured."""

    def __init__(self) -> None:
        self.ready = 0.0
        self.graphs = Graphs()

    def completer(
        self, config: RunConfig, problems: Sequence[Problem], tests: Sequence[Test]
    ) -> Completer:
        made = assembly.completer(config, problems, tests)
        assert isinstance(made, EngineCompleter)
        synchronize(made.engine.decoder.device)
        self.ready = time.perf_counter()
        self.graphs = made.engine.graphs
        return made


def sampled(config: RunConfig) -> dict[str, Any]:
    """Runs load, then sample, in a directory made anew.

    Kept tokens are those of candidates; `seconds` are the sample stage's, weights loaded and less
    `graphs_seconds`, in which graphs were captured before the first sample; `whole_seconds` run
    from opening the checkpoint to the last shard; `busy` is the time of all forward passes by
    events on the device over `seconds`; `late_graphs` were captured between samples. Raises
    RuntimeError where a sample is lacking.
    """
    path = config.directory / config.name
    shutil.rmtree(path, ignore_errors=True)
    watched = Watched()
    services = Services(watched.completer, assembly.executor)
    with Store.create(path, config) as store:
        Run(config, store, ("load",), services)()
        start = time.perf_counter()
        Run(config, store, ("sample",), services)()
        end = time.perf_counter()
    with Store.open(path, read_only=True) as store:
        tables = store.required("sample")
        candidates = list(tables.records("candidates"))
        steps: list[EngineStep] = list(tables.records("engine_steps"))
        times: list[StageTime] = list(store.shared("times").records("stage_times"))
    graphs = watched.graphs
    stage = next(row.m_wall_seconds for row in times if row.stage == "sample")
    seconds = stage - graphs.ahead_seconds
    lengths = [len(candidate.token_ids) for candidate in candidates]
    device = {
        kind: sum(step.m_seconds for step in steps if step.kind == kind)
        for kind in ("prefill", "decode")
    }
    decodes = [step for step in steps if step.kind == "decode"]
    return {
        "candidates": len(candidates),
        "kept_tokens": sum(lengths),
        "mean_length": round(sum(lengths) / len(lengths), 1),
        "seconds": round(seconds, 3),
        "whole_seconds": round(end - start, 3),
        "load_seconds": round(watched.ready - start, 3),
        "graphs_seconds": round(graphs.ahead_seconds, 3),
        "graphs": graphs.ahead,
        "late_graphs": graphs.late,
        "tokens_per_second": round(sum(lengths) / seconds),
        "tokens_per_second_whole": round(sum(lengths) / (end - start)),
        "prefill_seconds": round(device["prefill"], 3),
        "decode_seconds": round(device["decode"], 3),
        "busy": round(sum(device.values()) / seconds, 4),
        "decode_steps": sum(step.steps for step in decodes),
        "rows_a_step": round(
            sum(s.rows for s in decodes) / max(sum(s.steps for s in decodes), 1), 1
        ),
    }
