"""`forkeval export RUN`: the samples of a run as the files that other harnesses read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.exchange import samples
from pipeline.exchange.formats import FORMATS, Format, Row
from pipeline.exchange.samples import Judged
from pipeline.records import CandidateKey, Part, UserError
from pipeline.store import Store
from pipeline.store.disk import Disk
from pipeline.wanted import Wanted

FOLDER = "export"  # in the run's directory


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a run is exported, and where to. None: all of it; RUN/export/FORMAT."""

    out: Path | None = None
    dataset: str | None = None
    language: str | None = None


def export(
    run: Path, name: str, asked: Asked, raw: bool, results: bool, warn: Callable[[str], None]
) -> list[Path]:
    """Writes one sample file for each dataset and language, and returns their paths.

    Args:
        name: of a format.
        raw: completions as they were sampled; else as they were judged, which is what they mean:
            none of the harnesses cuts a completion before it runs it.
        results: beside each file what the harness would write, `<file>_results.jsonl`.
        warn: gets one line for each thing that the format cannot hold.

    Raises UserError where nothing can be held, samples or verdicts are missing, or `asked.out` is
    one file and the samples belong into several.
    """
    form = FORMATS[name]
    if results and form.no_results:
        raise UserError(f"--results: {form.no_results}")
    if results and raw:
        raise UserError("--results: verdicts are of the programs as judged: leave --raw out")
    with Store.open(run, read_only=True) as store:
        wanted = held(form, samples.chosen(store, asked.dataset, asked.language), warn)
        paths = targets(form, run, asked.out, wanted)
        texts = samples.completions(store, wanted, raw)
        if not raw:
            texts = {
                key: form.judged(wanted.problems[key.problem], text) for key, text in texts.items()
            }
        judged = samples.verdicts(store, wanted) if results else None
    unjudged = [j for j in (judged or {}).values() if j.verdict == "infrastructure_error"]
    if unjudged:
        warn(f"{len(unjudged)} infrastructure errors are written as failed: no format knows them")
    written = []
    for part, own in samples.by_part(wanted).items():
        path = paths[part]
        write(path, (row for row, _ in rows(form, own, texts)))
        written.append(path)
        if judged is not None:
            beside = path.with_name(path.name + "_results.jsonl")
            write(beside, result_rows(form, own, texts, judged))
            written.append(beside)
    return written


def held(form: Format, wanted: Wanted, warn: Callable[[str], None]) -> Wanted:
    """The problems that a format can hold; says why and how many others are left out."""
    reasons: dict[tuple[str, Part], int] = {}
    kept = {}
    for key, problem in wanted.problems.items():
        if reason := form.refusal(problem):
            at = (reason, key.part)
            reasons[at] = reasons.get(at, 0) + 1
        else:
            kept[key] = problem
    told = [f"{reason}: {count} problems of {part}" for (reason, part), count in reasons.items()]
    if not kept:
        raise UserError(f"--format {form.name}: nothing to write: {'; '.join(told)}")
    if told:
        warn(f"left out: {'; '.join(told)}")
    return Wanted(kept, wanted.n)


def targets(form: Format, run: Path, out: Path | None, wanted: Wanted) -> dict[Part, Path]:
    """Where the samples of each dataset and language go."""
    parts = wanted.parts
    if out is not None and out.name.endswith((".jsonl", ".gz")):
        if len(parts) > 1:
            raise UserError(
                f"--out {out}: {form.name} reads one file for each of "
                f"{', '.join(map(str, parts))}: name a directory, or --dataset and --language"
            )
        if out.suffix == ".gz" and not form.gzip:
            raise UserError(f"--out {out}: {form.name} reads plain .jsonl alone")
        return {parts[0]: out}
    folder = run / FOLDER / form.name if out is None else out
    return {part: folder / f"{part.dataset}.{part.language}.jsonl" for part in parts}


def rows(
    form: Format, wanted: Wanted, texts: dict[CandidateKey, str]
) -> Iterator[tuple[Row, CandidateKey]]:
    for key, problem in wanted.problems.items():
        for index in range(wanted.n):
            candidate = CandidateKey(*key, index)
            yield form.row(problem, texts[candidate]), candidate


def result_rows(
    form: Format,
    wanted: Wanted,
    texts: dict[CandidateKey, str],
    judged: dict[CandidateKey, Judged],
) -> Iterator[Row]:
    for row, key in rows(form, wanted, texts):
        yield {**row, **form.result(*judged[key])}


def write(path: Path, lines: Iterator[Row]) -> None:
    """JSON Lines in ASCII, as the harnesses write them: no encoding can go wrong."""
    data = "".join(json.dumps(line) + "\n" for line in lines).encode("ascii")
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    disk = Disk()
    disk.make_directory(path.parent)
    disk.replace(path, data)
