"""Which keys of the configuration make rows another thing, and which do not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from pipeline.config import RunConfig
from pipeline.records import Part
from pipeline.store import UPSTREAM, identity

BASE: dict[str, Any] = {
    "benchmarks": [{"name": "mathqa_x"}],
    "sampling": {"n": 100},
}

REPLAY = {"backend.name": "recorded", "backend.canonical": True, "rerank.rankers": ["random"]}


PYTHON = Part("mathqa_x", "python")


def identities(
    change: dict[str, Any], services: dict[str, Any] | None = None, part: Part = PYTHON
) -> dict[str, str]:
    """A part's identity in every stage after `change` (dotted keys) to the base configuration."""
    plain = RunConfig.model_validate(BASE).model_dump()
    for key, value in change.items():
        *above, last = (int(word) if word.isdecimal() else word for word in key.split("."))
        holder: Any = plain
        for word in above:
            holder = list(holder) if isinstance(holder, tuple) else holder
            holder = holder[word]
        holder[last] = value
    config = RunConfig.model_validate(plain)
    found: dict[str, str] = {}
    for stage, upstream in UPSTREAM.items():
        above = found[upstream] if upstream else None
        found[stage] = identity(stage, config, (services or {}).get(stage, {}), part, above)
    return found


def changed(change: dict[str, Any]) -> set[str]:
    before, after = identities({}), identities(change)
    return {stage for stage in before if before[stage] != after[stage]}


DOWNSTREAM = {
    "load": {"load", "sample", "truncate", "execute", "rerank"},
    "sample": {"sample", "truncate", "execute", "rerank"},
    "truncate": {"truncate", "execute", "rerank"},
    "execute": {"execute"},
    "rerank": {"rerank"},
    None: set(),
}


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"sampling.n": 200}, None),
        ({"benchmarks.0.limit": 5}, None),
        ({"benchmarks.0.languages": ["java"]}, None),
        ({"benchmarks.0.task_ids": ["MathQA/3"]}, None),
        ({"benchmarks.0.path": "/data"}, None),
        ({"report.k": [1], "report.bootstrap": 500}, None),
        ({"engine.max_rows": 7, "engine.page_size": 32, "engine.threads": 1}, None),
        ({"model.path": "elsewhere", "model.device": "cuda"}, None),  # its weights' hash counts
        (
            {"execute.workers": 1, "execute.docker_host": "tcp://x", "execute.runtime": "runsc"},
            None,
        ),
        ({"store.rows_per_shard": 5, "name": "other", "directory": "x"}, None),
        ({"benchmarks.0.overlay": True}, "load"),
        ({"benchmarks.0.header": "published"}, "load"),
        ({"sampling.temperature": 0.2}, "sample"),
        ({"sampling.seed": 1}, "sample"),
        ({"sampling.top_p": 0.9}, "sample"),
        ({"sampling.max_new_tokens": 9}, "sample"),
        ({"sampling.stop": {"python": ["\n"]}}, "sample"),
        ({"sampling.stop": {"java": ["\n"]}}, None),
        ({"benchmarks": [{"name": "mini"}, {"name": "mathqa_x"}]}, None),
        ({"benchmarks": [{"name": "mini", "overlay": True}, {"name": "mathqa_x"}]}, None),
        ({"model.dtype": "bfloat16"}, "sample"),
        ({"model.revision": "abc"}, "sample"),
        ({"engine.deterministic": False}, "sample"),
        (REPLAY, "sample"),
        ({"execute.truncate": False}, "truncate"),
        ({"execute.limits.cpu_seconds": 5.0}, "execute"),
        ({"execute.retry_timeouts": 0}, "execute"),
        ({"rerank.logprobs": "processed"}, "rerank"),
        ({"rerank.rankers": ["random"]}, "rerank"),
    ],
)
def test_a_key_changes_its_stage_and_those_below(change: dict[str, Any], first: str | None) -> None:
    assert changed(change) == DOWNSTREAM[first]


def test_services_count() -> None:
    for stage in UPSTREAM:
        before, after = identities({}), identities({}, {stage: {"weights": "abc"}})
        assert {s for s in before if before[s] != after[s]} == DOWNSTREAM[stage]


def test_a_replayed_sample_does_not_depend_on_a_model() -> None:
    other = {**REPLAY, "model.dtype": "bfloat16", "sampling.temperature": 0.1}
    assert identities(REPLAY) == identities(other)


def test_upstream_is_asked_for() -> None:
    config = RunConfig.model_validate(BASE)
    with pytest.raises(ValueError, match="sample reads the rows of load"):
        identity("sample", config, {}, PYTHON)
    with pytest.raises(ValueError, match="load reads the rows of None"):
        identity("load", config, {}, PYTHON, "abc")
    with pytest.raises(ValueError, match="sample reads the rows of None"):
        identity("sample", config, {}, None, "abc")


def test_parts_are_apart() -> None:
    other = identities({}, part=Part("mathqa_x", "java"))
    assert not set(identities({}).values()) & set(other.values())


def test_what_all_parts_have_in_common_is_of_no_language() -> None:
    def common(**sampling: Any) -> str:
        return identity("sample", RunConfig.model_validate({"sampling": sampling}), {})

    assert common() == common(stop={"java": ["x"]}) != common(seed=3)


def test_every_mark_is_known() -> None:
    """A mark that is spelled wrong would make a key part of the identity in silence."""
    seen = set()

    def visit(section: type[BaseModel]) -> None:
        for field in section.model_fields.values():
            extra = field.json_schema_extra
            if isinstance(extra, dict):
                seen.add(extra["forkeval"])
                assert set(extra) == {"forkeval"}
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                visit(field.annotation)

    visit(RunConfig)
    assert seen == {"extent", "place", "by language"}
