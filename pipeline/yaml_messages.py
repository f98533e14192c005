"""Pydantic's findings in words that name the fix."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from pipeline.yaml_tree import Fault, Location, Tree, dotted


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid word that `word` was probably meant to be."""
    close = difflib.get_close_matches(word.lower(), list(valid), n=1, cutoff=0.6)
    return close[0] if close else None


def explain(
    root: type[BaseModel], tree: Tree, location: Location, detail: Mapping[str, Any]
) -> tuple[Fault, Location | None]:
    """One finding as a fault, and the location that an unknown key was probably meant for."""
    match detail["type"]:
        case "extra_forbidden":
            message, meant = _unknown(root, location)
            return Fault(tree.key_place(location), dotted(location), message), meant
        case "missing":
            place = tree.key_place(location[:-1])
            return Fault(place, dotted(location), f"missing: {_purpose(root, location)}"), None
        case _:
            place = tree.value_place(location)
            if detail["loc"][-1] == "[key]":
                place = tree.key_place(location)
            return Fault(place, dotted(location), _wrong(detail)), None


def _unknown(root: type[BaseModel], location: Location) -> tuple[str, Location | None]:
    section = _section_at(root, location[:-1])
    word, siblings = str(location[-1]), list(section.model_fields) if section else []
    close = nearest(word, siblings)
    if close:
        return f"unknown key; did you mean {close}?", (*location[:-1], close)
    elsewhere = [key for key in _keys(root, "") if key.rsplit(".", 1)[-1] == word]
    if not elsewhere:
        last = {key.rsplit(".", 1)[-1]: key for key in _keys(root, "")}
        guess = nearest(word, last)
        elsewhere = [last[guess]] if guess else []
    if elsewhere:
        return f"unknown key; did you mean {' or '.join(elsewhere)}?", None
    return f"unknown key; valid here are {', '.join(siblings)}", None


def _purpose(root: type[BaseModel], location: Location) -> str:
    section = _section_at(root, location[:-1])
    field = section.model_fields.get(str(location[-1])) if section else None
    return (field.description or "") if field else ""


def _section_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    section: type[BaseModel] | None = root
    for part in location:
        if isinstance(part, int):
            continue
        field = section.model_fields.get(part) if section else None
        section = next(iter(_inside(field.annotation)), None) if field else None
    return section


def _keys(section: type[BaseModel], prefix: str) -> Iterator[str]:
    """All keys, dotted; items of a list as ``benchmarks.0.name``."""
    for name, field in section.model_fields.items():
        yield prefix + name
        index = ".0" if typing.get_origin(field.annotation) is tuple else ""
        for inner in _inside(field.annotation):
            yield from _keys(inner, f"{prefix}{name}{index}.")


def _inside(annotation: Any) -> list[type[BaseModel]]:
    """The section that an annotation holds, itself or as items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for a in typing.get_args(annotation) for section in _inside(a)]


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "path": "a path",
    "tuple": "a list",
    "dict": "a mapping",
    "model": "a mapping of keys",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def _wrong(detail: Mapping[str, Any]) -> str:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    shown = _shown(detail["input"])
    if kind == "literal_error":
        valid = [
            word.strip("' ") for word in str(context["expected"]).replace(" or ", ",").split(",")
        ]
        close = nearest(str(detail["input"]), valid)
        hint = f"did you mean {close}? " if close else ""
        return (
            f"must be one of {', '.join(valid)}, not {shown}{'; ' + hint.strip() if hint else ''}"
        )
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context[name]:g}, not {shown}"
    stem = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_from_float")
    if stem in _KINDS:
        quotes = stem == "string" and isinstance(detail["input"], int | float)
        return f"must be {_KINDS[stem]}, not {shown}{': put it in quotes' if quotes else ''}"
    if kind == "string_pattern_mismatch":
        return f"{shown} has other characters than {context['pattern']}"
    if kind == "value_error":
        return str(context["error"])  # of a validator of ours, which says all
    return f"{detail['msg']}, not {shown}"


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value) if isinstance(value, str) else f"{value}"
