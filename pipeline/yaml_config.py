"""Loads a run's configuration: one YAML file (or a named one) and ``--set`` arguments.

Everything wrong is reported at once, each fault with file, line and column (or the ``--set``
argument), key and fix. Faulty values are set aside after they are noted, so that one mistake hides
no other; contradictions are looked for only among keys that are sound.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.config import BenchmarkConfig, RunConfig
from pipeline.config_section import COLLECT, Contradiction, Section
from pipeline.manifests import offered
from pipeline.records import UserError
from pipeline.yaml_messages import explain, nearest
from pipeline.yaml_overrides import parts, put, resolve_paths
from pipeline.yaml_tree import Fault, Location, Source, Tree, dotted, parse
from sandboxes import languages

CONFIGS = Path(__file__).parent / "configs"
Root = TypeVar("Root", bound=Section)


class ConfigError(UserError):
    """A configuration that cannot be run: one line a fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in faults))


def _log(text: str) -> None:
    logging.getLogger(__name__).warning("%s", text)


def names(configs: Path = CONFIGS) -> list[str]:
    """The named configurations."""
    return sorted(path.stem for path in configs.glob("*.yaml"))


def load(
    path_or_name: str, overrides: Sequence[str] = (), warn: Callable[[str], None] = _log
) -> RunConfig:
    """The configuration in a YAML file, changed by `overrides`.

    Args:
        path_or_name: a path, or the name of a configuration that forkeval brings.
        overrides: ``key=value`` with dotted keys and YAML values, as in ``sampling.n=200`` or
            ``benchmarks.0.languages=[python]``.
        warn: gets one line for what is allowed and yet hardly meant.

    Returns:
        the configuration, its relative paths made absolute: those in the file from the file's
        directory, those in `overrides` from the current one.

    Raises:
        ConfigError: names every fault.
        UserError: there is no such file or name.
    """
    return read(RunConfig, CONFIGS, path_or_name, overrides, warn)


def read(
    root: type[Root],
    configs: Path,
    path_or_name: str,
    overrides: Sequence[str] = (),
    warn: Callable[[str], None] = _log,
) -> Root:
    """A YAML file of any kind, described by `root`; as `load`. configs: where named ones lie."""
    path = _find(path_or_name, configs)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path_or_name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path_or_name}: not UTF-8 text: {error}") from error
    named = path.parent == configs
    source = Source(path.name if named else str(path), path.parent.resolve())
    tree = parse(text, source)
    if tree.data is None and not tree.faults:
        tree.faults.append(Fault(tree.value_place(()), "", "the file is empty: name a benchmark"))
    return _validated(root, tree, overrides, warn)


def override(
    config: RunConfig, overrides: Sequence[str], warn: Callable[[str], None] = _log
) -> RunConfig:
    """`config`, e.g. that of a run directory, changed by `overrides`; raises as `load` does."""
    tree = parse("", Source("the run's configuration", Path.cwd(), has_lines=False))
    tree.put((), config.model_dump(mode="json"), tree.value_place(()))
    tree.data = config.model_dump(mode="json")
    return _validated(RunConfig, tree, overrides, warn)


def _find(path_or_name: str, configs: Path) -> Path:
    path = Path(path_or_name).expanduser()
    if path.is_file():
        return path
    if (configs / f"{path_or_name}.yaml").is_file():
        return configs / f"{path_or_name}.yaml"
    close = nearest(path_or_name, names(configs))
    hint = f"did you mean {close}? " if close else ""
    raise UserError(
        f"{path_or_name}: no such file or named configuration; {hint}"
        f"The named ones are {', '.join(names(configs))}"
    )


def _validated(
    root: type[Root], tree: Tree, overrides: Sequence[str], warn: Callable[[str], None]
) -> Root:
    faults = tree.faults
    if faults and tree.data is None:  # nothing could be read: every further fault would be noise
        raise ConfigError(faults)
    if not isinstance(tree.data, dict):
        place = tree.value_place(())
        faults.append(Fault(place, "", "must be a mapping of keys such as `sampling:` to values"))
        raise ConfigError(faults)
    for argument in overrides:
        fault = put(tree, argument, root)
        if fault is not None:
            faults.append(fault)
    resolve_paths(root, tree.data, (), tree)
    config = _sound(root, tree)
    for location, section in _sections(config, ()):
        found = list(section.contradictions())
        if isinstance(section, BenchmarkConfig):
            found += _without_sandbox(section)
        faults += _located(tree, location, found)
    if faults:
        raise ConfigError(sorted(faults, key=lambda fault: fault.place.order))
    for caution in _located(tree, (), list(config.cautions())):
        warn(str(caution))
    # Once more without the loader's context, so that nothing here can admit what config.py refuses.
    return root.model_validate_json(json.dumps(tree.data), strict=True)


def _sound(root: type[Root], tree: Tree) -> Root:
    """The configuration of what is sound in the tree; notes the rest as faults."""
    data = json.loads(json.dumps(tree.data))
    while True:
        try:
            return root.model_validate_json(json.dumps(data), strict=True, context=COLLECT)
        except ValidationError as error:
            noted: set[Location] = set()
            for detail in error.errors():
                location = _within(data, detail["loc"])
                if location not in noted and location not in tree.broken:
                    fault, meant = explain(root, tree, location, detail)
                    tree.faults.append(fault)
                    if meant is not None:
                        tree.broken.add(meant)
                noted.add(location)
            for location in sorted(noted, key=dotted):
                tree.broken.add(location)
                _drop(data, location)


def _within(data: Any, location: Location) -> Location:
    """The part of pydantic's location that is a path into `data` (the last part may be missing)."""
    kept: list[str | int] = []
    for part in location:
        if isinstance(data, dict) and isinstance(part, str):
            kept.append(part)
            if part not in data:
                break
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int):
            kept.append(part)
            data = data[part]
        else:
            break
    return tuple(kept)


def _drop(data: Any, location: Location) -> None:
    """Takes the value at `location` out of `data`, with the list around it if it is an item.

    A required key that is missing gets its first valid value, so that its neighbours are checked.
    """
    holders = [data]
    for part in location[:-1]:
        if not isinstance(holders[-1], dict | list):
            return  # dropped already with something around it
        try:
            holders.append(holders[-1][part])  # type: ignore[index]  # matches its holder
        except (KeyError, IndexError):
            return
    for holder, part in zip(reversed(holders), reversed(location), strict=True):
        if isinstance(holder, dict):
            if part in holder:
                del holder[part]
            elif part == "name":
                holder["name"] = "mini"
            return


def _sections(section: Section, at: Location) -> Iterator[tuple[Location, Section]]:
    """`section` and all sections inside it, with their locations."""
    yield at, section
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _sections(value, (*at, name))
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if isinstance(item, Section):
                    yield from _sections(item, (*at, name, index))


def _located(tree: Tree, at: Location, found: Sequence[Contradiction]) -> Iterator[Fault]:
    """Contradictions as faults, without those that follow from a fault reported already."""
    for contradiction in found:
        locations = [(*at, *parts(key)) for key in contradiction.keys]
        if any(_touch(location, other) for location in locations for other in tree.broken):
            continue
        written = [location for location in locations if tree.written(location)]
        place = tree.value_place((written or locations)[0])
        yield Fault(place, dotted(locations[0]), contradiction.message)


def _touch(one: Location, other: Location) -> bool:
    """Whether one location is, or lies inside, the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _without_sandbox(benchmark: BenchmarkConfig) -> list[Contradiction]:
    """Languages that no sandbox folder of this installation runs."""
    installed = languages.names()
    return [
        Contradiction(
            ("languages",),
            f"no sandbox runs {language}: there are those for {', '.join(installed)}",
        )
        for language in benchmark.languages
        if language in offered()[benchmark.name] and language not in installed
    ]
