"""``--set key=value`` arguments and relative paths, put into a parsed configuration."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.config import ModelConfig
from pipeline.config_section import Section
from pipeline.yaml_tree import Fault, Location, Place, Source, Tree, dotted, parse


def parts(key: str) -> Iterator[str | int]:
    return (int(part) if part.isdecimal() else part for part in key.split("."))


def put(tree: Tree, argument: str, root: type[Section]) -> Fault | None:
    """Puts one ``key=value`` into the tree."""
    source = Source(f"--set {argument}", Path.cwd(), has_lines=False)
    place = Place(source, 1, 1)
    key, equals, text = argument.partition("=")
    location = tuple(parts(key.strip()))
    if not equals or "" in location:
        return Fault(place, "", "write it as key=value, for example sampling.n=200")
    value = parse(text, source)
    if value.faults:
        return Fault(place, "", f"the value is not YAML: {value.faults[0].message}")
    holder = tree.data
    for depth, part in enumerate(location):
        last = depth == len(location) - 1
        at = location[: depth + 1]
        if isinstance(holder, list):
            if not isinstance(part, int) or part > len(holder):
                return Fault(place, dotted(at), f"no such item: the list has {len(holder)}")
            if part == len(holder):
                holder.append(None)
        elif isinstance(holder, dict):
            part = str(part)
            if not last and holder.get(part) is None:
                holder[part] = _default(root, at)
                tree.put(at, holder[part], place)
        else:
            return Fault(place, dotted(at), f"{dotted(location[:depth])} has no keys inside")
        if last:
            holder[part] = value.data
        elif isinstance(holder, list) and holder[int(part)] is None:
            holder[int(part)] = {}
        holder = holder[part]
    tree.put(location, value.data, place)
    return None


def _default(root: type[Section], location: Location) -> Any:
    """What the default configuration has at `location`, where that is a list; else ``{}``."""
    value: Any = root().model_dump(mode="json", exclude_defaults=False)
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return {}
    return value if isinstance(value, list) else {}


def resolve_paths(section: type[BaseModel], data: Any, at: Location, tree: Tree) -> None:
    """Makes relative paths in `data` absolute, each from where it was written."""
    if not isinstance(data, dict):
        return
    for name, field in section.model_fields.items():
        if name not in data:
            continue
        here, value = (*at, name), data[name]
        inner = [a for a in _arguments(field.annotation) if _is_section(a)]
        if inner and isinstance(value, list):
            for index, item in enumerate(value):
                resolve_paths(inner[0], item, (*here, index), tree)
        elif inner:
            resolve_paths(inner[0], value, here, tree)
        elif Path in _arguments(field.annotation):
            words = [a for a in _arguments(field.annotation) if isinstance(a, str)]
            if isinstance(value, str) and value not in words:
                data[name] = _absolute(value, here, tree)
            elif isinstance(value, list):
                data[name] = [
                    _absolute(v, (*here, i), tree) if isinstance(v, str) else v
                    for i, v in enumerate(value)
                ]
        elif name == "path" and issubclass(section, ModelConfig) and isinstance(value, str):
            found = _absolute(value, here, tree)  # else the word `tiny`, or a hub id
            if value.startswith(("./", "../", "~")) or (value != "tiny" and Path(found).is_dir()):
                data[name] = found


def _absolute(value: str, at: Location, tree: Tree) -> str:
    return str(tree.value_place(at).source.directory / Path(value).expanduser())


def _arguments(annotation: Any) -> list[Any]:
    """An annotation and everything inside its brackets."""
    found = [annotation]
    for inner in typing.get_args(annotation):
        found += _arguments(inner)
    return found


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Section)
