"""`forkeval import FILE...`: other systems' samples as a run whose sample stage is done.

The run replays the files (`backend: recorded`), so it is judged, ranked and reported like any other
one; verdicts that a file has are not taken over.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import yaml_config
from pipeline.assembly import SERVICES
from pipeline.backends.recorded import SHOWN, RecordedCompleter
from pipeline.backends.recorded_files import languages_named
from pipeline.benchmarks.rows import language_of
from pipeline.config import RunConfig
from pipeline.manifests import offered
from pipeline.records import Problem, ProblemKey, UserError
from pipeline.run import Run, Services
from pipeline.stages import load
from pipeline.store import Store

SUFFIXES = (".gz", ".jsonl", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported. benchmarks: names, or JSONL files of problems; languages: () for those that
    the files name, Python where they name none."""

    files: Sequence[Path]
    benchmarks: Sequence[str]
    languages: Sequence[str] = ()
    partial: bool = False  # only the problems that the files have samples of


def import_samples(
    source: Source, out: Path | None, overrides: Sequence[str], warn: Callable[[str], None]
) -> tuple[Path, int, int]:
    """Makes the run, and returns its directory, its problems and its samples of each.

    out: the run directory; None for `runs/<first file's name>`. overrides: as `--set` has them.
    n is as many samples as every problem has, unless they set `sampling.n`.

    Raises UserError that lists what is wrong with the files: every broken line, unknown problem,
    problem without samples or with another number of them; and where `out` is something else.
    """
    config = configured(source, place(source, out), overrides, warn)
    problems, tests = load.load(config.benchmarks)
    limited = any(b.limit or b.task_ids for b in config.benchmarks)
    completer = RecordedCompleter(problems, tests, config.backend, limited)
    counts = completer.recorded()
    if source.partial:
        left_out = sum(problem.key not in counts for problem in problems)
        problems = [problem for problem in problems if problem.key in counts]
        config = only(config, problems)
        if left_out:
            warn(f"{left_out} problems have no sample and are not part of this run")
    explicit = any(re.match(r"\s*sampling(\.n)?\s*=", text) for text in overrides)
    n = number(problems, counts, config.sampling.n if explicit else None, source.partial)
    config = yaml_config.override(config, [f"sampling.n={n}"], warn)
    path = config.directory / config.name
    check_free(path, config)
    with Store.create(path, config) as store:
        Run(config, store, ("load", "sample"), Services(lambda *_: completer, SERVICES.executor))()
    return path, len(problems), n


def place(source: Source, out: Path | None) -> Path:
    if out is not None:
        return out.resolve()
    name = source.files[0].name
    while name.endswith(SUFFIXES):
        name = name.rsplit(".", 1)[0]
    return (Path("runs") / name).resolve()


def configured(
    source: Source, path: Path, overrides: Sequence[str], warn: Callable[[str], None]
) -> RunConfig:
    """The configuration of the run, checked as every other one."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", path.name):
        raise UserError(f"{path.name!r} names no run: name one with --out, of letters, digits, ._-")
    asked = languages(source)
    data: dict[str, Any] = {
        "name": path.name,
        "directory": str(path.parent),
        "benchmarks": [benchmark(name, asked) for name in source.benchmarks],
        "backend": {
            "name": "recorded",
            "completions": [str(file.resolve()) for file in source.files],
        },
    }
    return yaml_config.override(RunConfig.model_validate(data), overrides, warn)


def languages(source: Source) -> list[str]:
    """Those that are asked for, else those of the files."""
    if source.languages:
        known = {name: language_of(name) for name in source.languages}
        if unknown := [name for name, found in known.items() if found is None]:
            raise UserError(f"--language: unknown language {', '.join(unknown)}")
        return sorted({found for found in known.values() if found is not None})
    named, unnamed = languages_named(source.files)
    return sorted(named | ({"python"} if unnamed or not named else set()))


def benchmark(name: str, asked: Sequence[str]) -> dict[str, Any]:
    """The entry of a benchmark in the configuration."""
    if name not in offered() and Path(name).is_file():
        return {"name": "jsonl", "path": str(Path(name).resolve()), "languages": asked}
    if name not in offered() or name == "jsonl":
        raise UserError(
            f"--benchmark {name}: no such file or benchmark: name a JSONL file of problems, or one "
            f"of {', '.join(known for known in offered() if known != 'jsonl')}"
        )
    own = [language for language in asked if language in offered()[name]]
    if not own:
        raise UserError(
            f"--benchmark {name}: has no {' and no '.join(asked)}: it offers "
            f"{', '.join(offered()[name])}"
        )
    return {"name": name, "languages": own}


def only(config: RunConfig, problems: Sequence[Problem]) -> RunConfig:
    """The configuration of these problems alone, where it wants more."""
    benchmarks = [
        each.model_copy(
            update={
                "task_ids": tuple(
                    dict.fromkeys(p.task_id for p in problems if p.dataset == each.dataset)
                ),
                "limit": None,
            }
        )
        for each in config.benchmarks
    ]
    kept = tuple(each for each in benchmarks if each.task_ids)
    return config.model_copy(update={"benchmarks": kept})


def number(
    problems: Sequence[Problem],
    counts: Mapping[ProblemKey, int],
    explicit: int | None,
    partial: bool,
) -> int:
    """How many samples every problem has: n means exactly n."""
    found = {problem.key: counts.get(problem.key, 0) for problem in problems}
    told: list[str] = []
    if none := [key for key, count in found.items() if count == 0]:
        way_out = "" if partial else ": --partial makes a run of the others"
        told.append(f"{shown(none)} of {len(found)} problems have no sample{way_out}")
    some = Counter(count for count in found.values() if count)
    if explicit is not None:
        if few := [key for key, count in found.items() if 0 < count < explicit]:
            told.append(f"{shown(few)} problems have fewer samples than sampling.n = {explicit}")
    elif len(some) > 1:
        usual = some.most_common(1)[0][0]
        odd = [key for key, count in found.items() if count not in (0, usual)]
        told.append(
            f"{shown(odd)} problems have more or fewer samples than the usual {usual}: "
            f"--set sampling.n={min(some)} takes the first {min(some)} of each"
        )
    if told:
        raise UserError("\n".join(told))
    return explicit if explicit is not None else next(iter(some))


def shown(keys: Sequence[ProblemKey]) -> str:
    """A count with examples."""
    more = ", ..." if len(keys) > SHOWN else ""
    return f"{len(keys)} ({', '.join(map(str, keys[:SHOWN]))}{more})"


def check_free(path: Path, config: RunConfig) -> None:
    """Another run is not changed by an import; the same import, stopped half way, goes on."""
    if not (path / "run.json").exists():
        return
    with Store.open(path, read_only=True) as store:
        if store.config != config:
            raise UserError(f"{path}: holds another run: name another directory with --out")
