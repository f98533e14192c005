"""What the rows of a stage mean, as a digest.

Two runs of a stage with equal identities make equal rows for equal keys (measurements aside), so a
stage that finds rows of its identity does only what is missing. Every part of a stage's rows (a
dataset in one language) has an identity of its own, which nothing of another part changes. The
marks on the fields of `pipeline.config` decide what counts: unmarked keys change what a row means,
BY_LANGUAGE keys what a row of that language means; EXTENT keys say how many rows are wanted; PLACE
keys say where and how fast. Which benchmarks and languages there are is extent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.config import RunConfig
from pipeline.config_section import BY_LANGUAGE
from pipeline.records import Part, digest

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
    stage: str,
    config: RunConfig,
    services: Mapping[str, Any],
    part: Part | None = None,
    upstream: str | None = None,
) -> str:
    """The identity of a part of `stage`: 16 hexadecimal digits.

    Args:
        stage: a key of `UPSTREAM`.
        config: the run's configuration; only this stage's keys without a mark count.
        services: what else changes a row: hashes of data files and few-shot headers (load), the
            completer's identity and the stop strings in use (sample), versions of the truncation
            rules (truncate), image digests and test evidence (execute). JSON values.
        part: whose rows; None for what all parts have in common.
        upstream: identity of the same part of the stage `UPSTREAM[stage]` whose rows this one
            reads; None for load, and without a part.
    """
    reads = UPSTREAM[stage] if part else None
    if (upstream is None) != (reads is None):
        raise ValueError(f"{stage} reads the rows of {reads}: got identity {upstream}")
    whole = {
        "stage": stage,
        "part": part,
        "upstream": upstream,
        "config": meaning(stage, config, part),
        "services": services,
    }
    return digest(json.dumps(whole, sort_keys=True, ensure_ascii=True))[:16]


def meaning(stage: str, config: RunConfig, part: Part | None) -> Any:
    """The keys of `config` that change what these rows of `stage` mean, as JSON values."""
    language = part.language if part else None
    match stage:
        case "load":
            return [
                unmarked(b, language) for b in config.benchmarks if part and b.dataset == part[0]
            ]
        case "sample" if config.backend.name == "engine":
            return [unmarked(s, language) for s in (config.model, config.engine, config.sampling)]
        case "sample":  # replayed: how a model would have sampled means nothing
            return unmarked(config.backend, language)
        case "truncate":
            return config.execute.truncate
        case "execute":
            return unmarked(config.execute, language)
        case _:
            return unmarked(config.rerank, language)


def unmarked(section: BaseModel, language: str | None) -> dict[str, Any]:
    """The section's keys that count for rows of a language, as JSON values; sections inside too."""
    kept: dict[str, Any] = {}
    plain = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        value = getattr(section, name)
        if isinstance(extra, dict) and "forkeval" in extra:
            if extra == BY_LANGUAGE and language in value:
                kept[name] = plain[name][language]
        else:
            kept[name] = unmarked(value, language) if isinstance(value, BaseModel) else plain[name]
    return kept
