"""The configuration as text: a JSON schema for editors, and a run's values with what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel

from pipeline.config import RunConfig


def schema() -> dict[str, Any]:
    """The JSON schema of a run's YAML, for editors to complete and check it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RunConfig.model_json_schema(),
        "title": "forkeval run",
    }


def dump(config: RunConfig) -> str:
    """Every key of `config` as YAML that loads as the same configuration, with descriptions."""
    return "\n".join(_section(config, config.model_dump(mode="json"), "")) + "\n"


def _section(section: BaseModel, plain: dict[str, Any], indent: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value, shown = getattr(section, name), plain[name]
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _section(value, shown, indent + "  ")
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield f"{indent}{name}:"
            for item, inner in zip(value, shown, strict=True):
                first, *rest = _section(item, inner, "")
                yield f"{indent}  - {first}"
                yield from (f"{indent}    {line}" for line in rest)
        else:
            note = f"  # {field.description}" if field.description else ""
            yield f"{indent}{name}: {_flow(shown)}{note}"


def _flow(value: Any) -> str:
    """`value` in one line of YAML; text that is no plain word in double quotes."""
    style = None if not isinstance(value, str) or value.isalnum() else '"'
    text = yaml.safe_dump(
        value, default_flow_style=True, default_style=style, allow_unicode=True, width=1 << 30
    )
    return text.strip().removesuffix("\n...").strip()
