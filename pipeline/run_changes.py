"""In what two runs differ: data, truncation and toolchain, which a comparison holds still, and the
settings that it is about.

What a stage recorded is compared, not its identity: that of a later stage follows the model, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.config import RunConfig
from pipeline.records import Part, ProblemKey, digest
from pipeline.store import Store
from pipeline.store.identity import meaning
from reports.comparison import Change
from reports.details import flat

SETTINGS = ("backend", "model", "engine", "sampling", "rerank")  # sections that say what was tried
_SHOWN = 19  # characters of a digest: "sha256:" and twelve

Facts = dict[str, str]  # what it is called to its value


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run's rows rest on. by_part: by kind of fact and part."""

    by_part: Mapping[str, Mapping[Part, Facts]]
    prompts: Mapping[ProblemKey, str]  # digests
    tests: Mapping[ProblemKey, str]
    settings: Facts


def facts(store: Store, config: RunConfig, parts: Sequence[Part]) -> Mapping[str, Any]:
    """Of each part its facts, by kind, in the order in which differences are told."""
    return {
        "data": {part: data(store, config, part) for part in parts},
        "truncation": {part: truncation(store, config, part) for part in parts},
        "toolchain": {part: toolchain(store, config, part) for part in parts},
    }


def recorded(store: Store, stage: str, part: Part) -> dict[str, Any]:
    """What the stage's rows of a part mean beyond the configuration."""
    return dict(store.latest_parts(stage)[part].environment["meaning"])


def data(store: Store, config: RunConfig, part: Part) -> Facts:
    found = {
        f"source {name}": short(value)
        for benchmark in recorded(store, "load", part).get("sources", ())
        for name, value in flat(benchmark)
    }
    for benchmark in meaning("load", config, part):
        found |= {f"benchmarks.{key}": value for key, value in flat(benchmark) if key}
    return found


def truncation(store: Store, config: RunConfig, part: Part) -> Facts:
    found = {key: shown(value) for key, value in recorded(store, "truncate", part).items()}
    return found | {"execute.truncate": shown(config.execute.truncate)}


def toolchain(store: Store, config: RunConfig, part: Part) -> Facts:
    means = recorded(store, "execute", part)
    whole = store.latest("execute")
    images = whole.environment.get("images", {}) if whole else {}
    name = images.get(part.language, {}).get("toolchain", "")
    found = {
        "image": f"{name} {short(means['image'])}".strip(),
        "limits": short(means.get("limits", "")),
    }
    keys = [
        (key, value) for key, value in flat(meaning("execute", config, part)) if key != "truncate"
    ]
    return found | {f"execute.{key}": value for key, value in keys}


def settings(store: Store, config: RunConfig) -> Facts:
    """The sections that say what was tried, and what the completer said of itself (weights)."""
    plain = config.model_dump(mode="json")
    found = {key: value for name in SETTINGS for key, value in flat(plain[name], name)}
    record = store.latest("sample")
    own = record.environment.get("meaning", {}) if record else {}
    return found | {f"completer.{key}": short(value) for key, value in flat(own) if key}


def digests(table: pa.Table, column: str) -> dict[ProblemKey, str]:
    """A digest of the values that a problem has in a column, one in all its rows as a rule."""
    names = ["dataset", "language", "task_id", column]
    values: dict[ProblemKey, list[str]] = {}
    for row in table.select(names).group_by(names).aggregate([]).to_pylist():
        values.setdefault(ProblemKey(*(row[name] for name in names[:3])), []).append(row[column])
    return {key: digest(*sorted(own)) for key, own in values.items()}


def fixed(first: RunFacts, second: RunFacts) -> list[Change]:
    """Where data, truncation or toolchain of the common problems differ."""
    common = sorted(first.prompts.keys() & second.prompts.keys())
    parts = sorted({key.part for key in common})
    found: list[Change] = []
    for kind, own in first.by_part.items():
        for part in parts:
            found += changes(kind, str(part), own[part], second.by_part[kind][part])
        if kind == "data":
            for what in ("prompts", "tests"):
                one, other = getattr(first, what), getattr(second, what)
                found += texts(what, common, one, other)
    return found


def changes(kind: str, where: str, first: Facts, second: Facts) -> Iterator[Change]:
    for what in dict.fromkeys([*first, *second]):
        one, other = first.get(what, "none"), second.get(what, "none")
        if one != other:
            yield Change(kind, where, what, one, other)


def texts(
    what: str,
    common: Sequence[ProblemKey],
    first: Mapping[ProblemKey, str],
    second: Mapping[ProblemKey, str],
) -> Iterator[Change]:
    """One line a part: how many problems' texts differ, and the digests of the first."""
    by_part: dict[Part, list[ProblemKey]] = {}
    for key in common:
        if first.get(key) != second.get(key):
            by_part.setdefault(key.part, []).append(key)
    for part, keys in by_part.items():
        one, other = (short(side.get(keys[0], "none")) for side in (first, second))
        which = f"{what} of {len(keys):,} problems differ, first {keys[0].task_id}"
        yield Change("data", str(part), which, one, other)


def short(value: str) -> str:
    """Enough of a digest to tell it from another."""
    return value if len(value) < 32 or " " in value else value[:_SHOWN]


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
