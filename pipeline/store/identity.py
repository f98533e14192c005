"""What the rows of a stage mean, as a digest.

Two runs of a stage with equal identities make equal rows for equal keys (measurements aside), so a
stage that finds rows of its identity does only what is missing. The marks on the fields of
`pipeline.config` decide what counts: unmarked keys change what a row means; EXTENT keys say how
many rows are wanted; PLACE keys say where and how fast.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.config import RunConfig
from pipeline.records import digest

# Truncation re-runs alone when only its rule changes, so it has an identity apart from `execute`.
# Rankers see no verdict, so `rerank` follows `truncate`.
UPSTREAM: dict[str, str | None] = {
    "load": None,
    "sample": "load",
    "truncate": "sample",
    "execute": "truncate",
    "rerank": "truncate",
}


def identity(
    stage: str, config: RunConfig, services: Mapping[str, Any], upstream: str | None
) -> str:
    """The identity of `stage`: 16 hexadecimal digits.

    Args:
        stage: a key of `UPSTREAM`.
        config: the run's configuration; only this stage's keys without a mark count.
        services: what else changes a row: hashes of data files and few-shot headers (load), the
            completer's identity and the stop strings in use (sample), versions of the truncation
            rules (truncate), image digests and test evidence (execute). JSON values.
        upstream: identity of the stage `UPSTREAM[stage]` whose rows this one reads; None for load.
    """
    if (upstream is None) != (UPSTREAM[stage] is None):
        raise ValueError(f"{stage} reads the rows of {UPSTREAM[stage]}: got identity {upstream}")
    whole = {
        "stage": stage,
        "upstream": upstream,
        "config": meaning(stage, config),
        "services": services,
    }
    return digest(json.dumps(whole, sort_keys=True, ensure_ascii=True))[:16]


def meaning(stage: str, config: RunConfig) -> Any:
    """The keys of `config` that change what the rows of `stage` mean, as JSON values."""
    match stage:
        case "load":
            return [unmarked(benchmark) for benchmark in config.benchmarks]
        case "sample" if config.backend.name == "engine":
            return [unmarked(s) for s in (config.model, config.engine, config.sampling)]
        case "sample":  # replayed: how a model would have sampled means nothing
            return unmarked(config.backend)
        case "truncate":
            return config.execute.truncate
        case "execute":
            return unmarked(config.execute)
        case _:
            return unmarked(config.rerank)


def unmarked(section: BaseModel) -> dict[str, Any]:
    """The section's keys without a mark, as JSON values; nested sections likewise."""
    kept: dict[str, Any] = {}
    plain = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "forkeval" in extra:
            continue
        value = getattr(section, name)
        kept[name] = unmarked(value) if isinstance(value, BaseModel) else plain[name]
    return kept
