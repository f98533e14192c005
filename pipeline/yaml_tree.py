"""YAML text to plain data in which every node knows where it was written.

Scalars follow YAML 1.2's core schema: only ``true`` and ``false`` are truth values (``yes``, ``no``
and ``on`` are text) and ``1e-5`` is a number. A key that occurs twice in one mapping is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]  # keys and list indices from the root


@dataclass(frozen=True, slots=True)
class Source:
    """What was read: a file, or one ``--set`` argument."""

    label: str  # as the user wrote it
    directory: Path  # what relative paths in it are relative to
    has_lines: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node was written; line and column count from 1."""

    source: Source
    line: int
    column: int

    @property
    def order(self) -> tuple[bool, int, int]:
        """Sorts a file's places by line, before those of arguments."""
        return (not self.source.has_lines, self.line, self.column)

    def __str__(self) -> str:
        if not self.source.has_lines:
            return self.source.label
        return f"{self.source.label}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake: where, which key (dotted; "" for the whole), what, and the fix."""

    place: Place
    key: str
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.place}: {key}{self.message}"


_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # PyYAML's own class attribute


def _integer(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(node.value)
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("merge", r"<<", "<"),
):
    _starts = [*_first, ""] if _tag == "null" else list(_first)
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _starts
    )


class Tree:
    """Plain data (`data`) and the place of every node of it."""

    def __init__(self) -> None:
        self.data: Any = None
        self.faults: list[Fault] = []
        self.broken: set[Location] = set()  # a fault is noted there: look no further
        self._values: dict[Location, Place] = {}
        self._keys: dict[Location, Place] = {}

    def value_place(self, location: Location) -> Place:
        """Where the value at `location` was written, or else what is nearest around it."""
        return self._nearest(self._values, location)

    def key_place(self, location: Location) -> Place:
        """Where the key at `location` was written, or else what is nearest around it."""
        return self._keys.get(location) or self._nearest(self._values, location)

    def written(self, location: Location) -> bool:
        """Whether a source holds a node at `location`."""
        return location in self._values

    def put(self, location: Location, value: Any, place: Place) -> None:
        """Records a node that another source puts at `location`, over what was there."""
        for known in (self._values, self._keys):
            for old in [at for at in known if at[: len(location)] == location]:
                del known[old]
        self._values[location] = self._keys[location] = place
        items: Iterator[tuple[str | int, Any]] = iter(())
        if isinstance(value, dict):
            items = iter(value.items())
        elif isinstance(value, list):
            items = iter(enumerate(value))
        for name, inner in items:
            self.put((*location, name), inner, place)

    @staticmethod
    def _nearest(known: dict[Location, Place], location: Location) -> Place:
        while location not in known:
            location = location[:-1]
        return known[location]


def parse(text: str, source: Source) -> Tree:
    """Reads one YAML document; what is wrong with it stands in the tree's `faults`."""
    tree = Tree()
    tree._values[()] = Place(source, 1, 1)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is not None:
            _Builder(tree, loader, source).build(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else tree.value_place(())
        message = ", ".join(filter(None, (error.context, error.problem)))
        if r"'\t'" in message:
            message = "a tab: YAML is indented with spaces"
        tree.faults.append(Fault(place, "", message))
    except yaml.reader.ReaderError as error:
        before = text[: error.position].split("\n")
        place = Place(source, len(before), len(before[-1]) + 1)
        tree.faults.append(Fault(place, "", f"{text[error.position]!r} is not allowed in YAML"))
    return tree


class _Builder:
    """Turns composed nodes into data, noting places."""

    def __init__(self, tree: Tree, loader: _Loader, source: Source) -> None:
        self._tree = tree
        self._loader = loader
        self._source = source
        self._open: set[int] = set()  # nodes being built, to find an alias inside its own anchor

    def build(self, node: yaml.Node) -> None:
        self._tree.data = self._value(node, ())

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._source, node.start_mark.line + 1, node.start_mark.column + 1)

    def _fault(self, node: yaml.Node, location: Location, message: str) -> None:
        self._tree.faults.append(Fault(self._place(node), dotted(location), message))

    def _broken(self, node: yaml.Node, location: Location, message: str) -> None:
        self._fault(node, location, message)
        self._tree.broken.add(location)

    def _value(self, node: yaml.Node, location: Location) -> Any:
        self._tree._values[location] = self._place(node)
        if id(node) in self._open:
            self._broken(node, location, "an alias inside the anchor that it names: remove it")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, location)
            if isinstance(node, yaml.SequenceNode):
                return [self._value(n, (*location, i)) for i, n in enumerate(node.value)]
            return self._scalar(node, location)
        finally:
            self._open.discard(id(node))

    def _scalar(self, node: yaml.Node, location: Location) -> Any:
        if node.tag not in _TAGS:
            self._broken(node, location, f"the tag {node.tag} means nothing here: remove it")
            return None
        try:
            return self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            self._broken(node, location, str(error).splitlines()[0])
            return None

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        merged: list[tuple[yaml.Node, yaml.Node]] = []
        own: dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged += self._merged(value, location)
                continue
            name = self._name(key, location)
            if name is None:
                continue
            if name in own:
                first = self._tree._keys[*location, name]
                self._fault(
                    key, (*location, name), f"is there already, in line {first.line}: remove one"
                )
                continue
            self._tree._keys[*location, name] = self._place(key)
            own[name] = self._value(value, (*location, name))
        for key, value in merged:  # own keys win, then the mappings merged first
            name = self._name(key, location)
            if name is not None and name not in own:
                self._tree._keys[*location, name] = self._place(key)
                own[name] = self._value(value, (*location, name))
        return own

    def _merged(self, value: yaml.Node, location: Location) -> list[tuple[yaml.Node, yaml.Node]]:
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for node in nodes:
            if not isinstance(node, yaml.MappingNode) or id(node) in self._open:
                self._fault(value, location, "<< takes a mapping, or a list of mappings")
                continue
            self._open.add(id(node))
            for key, inner in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    pairs += self._merged(inner, location)
                else:
                    pairs.append((key, inner))
            self._open.discard(id(node))
        return pairs

    def _name(self, key: yaml.Node, location: Location) -> str | None:
        if isinstance(key, yaml.ScalarNode):
            return str(key.value)
        self._fault(key, location, "a key must be a word")
        return None


def dotted(location: Location) -> str:
    """``("benchmarks", 0, "limit")`` as the user writes it: ``benchmarks.0.limit``."""
    return ".".join(str(part) for part in location)
