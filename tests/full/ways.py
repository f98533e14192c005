"""Compares the warm way with the plain one on the published programs: `python -m tests.full.ways`.

The programs of each set that are on record as passed run both ways, in an order of its own each,
with the language's quick hostile programs in between; the slow ones have a test of their own. What
has been judged with the same image is not judged again, also after a kill. sandboxes/results/ways
holds how many programs get the same verdict both ways, and every one that does not.
"""

from __future__ import annotations

import dataclasses
import json
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from pipeline.records import Execution, Job, Limits, UserError
from pipeline.services import AroundExecutor, Executor
from sandboxes.pool import DockerExecutor, Way
from tests.full import command
from tests.full import published_results as results
from tests.full.published import JOURNALS, ROOT, current, judge
from tests.full.published_results import Journal, Result
from tests.full.published_sets import PublishedSet, published_directory, read, sets
from tests.integration.sandboxes.hostile import Hostile
from tests.integration.sandboxes.hostile import load as load_hostile

FOLDER = ROOT / "sandboxes" / "results" / "ways"
SEED = 20261125
BETWEEN = 12  # ordinary programs for each hostile one
SLOW = {"timeout", "out_of_memory"}  # each takes as long as its limit, which is generous here
LONG = 1 << 20  # characters: whether a longer source is refused depends on the limits


def _quick(language: str) -> list[Hostile]:
    return [
        h
        for h in load_hostile()
        if h.language == language
        and not (h.slow or SLOW & set(h.verdicts) or len(h.completion) > LONG)
    ]


class Disturbed(AroundExecutor):
    """An executor that runs jobs in a shuffled order, hostile programs between them.

    Satisfies `pipeline.services.Executor`. wrong: hostile programs that got a verdict which they
    may not get. hostile: how many ran.
    """

    def __init__(self, executor: Executor, programs: Sequence[Hostile], seed: str) -> None:
        super().__init__(executor)
        self._programs = {hostile.id: hostile for hostile in programs}
        self._draw = random.Random(seed)
        self.hostile = 0
        self.wrong: list[str] = []

    def run(self, jobs: Iterable[Job]) -> Iterator[Execution]:
        for done in self._executor.run(self._mixed(list(jobs))):
            hostile = self._programs.get(done.program_hash)
            if hostile is None:
                yield done
                continue
            self.hostile += 1
            if done.verdict not in hostile.verdicts:
                self.wrong.append(f"{hostile.id}: {done.verdict}: {done.detail}")

    def _mixed(self, jobs: list[Job]) -> Iterator[Job]:
        self._draw.shuffle(jobs)
        names = sorted(self._programs)
        for index, job in enumerate(jobs):
            if names and index % BETWEEN == BETWEEN - 1:
                yield self._programs[self._draw.choice(names)].job()
            yield job


def compare(warm: Result, plain: Result) -> Mapping[str, Mapping[str, str]]:
    """The programs whose verdicts differ, with what decided the one that is no pass."""
    found = {}
    for task in [*warm.passed, *warm.failed]:
        verdicts = {"warm": warm.verdict(task), "plain": plain.verdict(task)}
        if verdicts["warm"] != verdicts["plain"]:
            failed = warm.failed.get(task) or plain.failed[task]
            found[task] = verdicts | {"detail": failed.detail}
    return found


def _good(one: PublishedSet, executor: DockerExecutor) -> set[str]:
    known = results.load(results.path_of(one.name, one.language))
    if known is None or not current(one, executor):
        raise UserError(
            f"{one}: no verdicts on record of this image: run"
            f" `python -m tests.full.published --language {one.language}`"
        )
    return set(known.passed)


def _path(one: PublishedSet) -> Path:
    return FOLDER / f"{one.name}-{one.language}.json"


def _recorded(one: PublishedSet, executor: DockerExecutor) -> bool:
    if not _path(one).is_file():
        return False
    known = json.loads(_path(one).read_text())
    return (known["data"], known["image_digest"]) == (
        one.data,
        executor.image_digest(one.language),
    )


def _judge(one: PublishedSet, directory: Path, limit: int | None, workers: int | None) -> None:
    given = read(one, directory)
    found: dict[Way, Result] = {}
    hostile: dict[Way, Disturbed] = {}
    for way in get_args(Way):
        with DockerExecutor(Limits(), workers, way=way) as executor:
            if _recorded(one, executor):
                print(f"{one}: recorded with this image already", file=sys.stderr)
                return
            good = _good(one, executor)
            programs = tuple(p for p in given.programs if p.task_id in good)
            hostile[way] = Disturbed(executor, _quick(one.language), f"{SEED} {one} {way}")
            journal = Journal(JOURNALS / f"{way}-{one.name}-{one.language}.jsonl")
            known_good = dataclasses.replace(given, programs=programs)
            found[way] = judge(one, known_good, hostile[way], journal, limit)
    warm, plain = found["warm"], found["plain"]
    differences = compare(warm, plain)
    wrong = [f"{way}: {said}" for way, each in hostile.items() for said in each.wrong]
    record = {
        "set": one.name,
        "language": one.language,
        "data": one.data,
        "toolchain": warm.toolchain,
        "image_digest": warm.image_digest,
        "limits": warm.limits,
        "date": plain.date,
        "machine": plain.machine,
        "programs": warm.programs,
        "agree": warm.programs - len(differences),
        "cpu_seconds": {way: result.cpu_seconds for way, result in found.items()},
        # of the last session, where the judging was stopped and went on
        "hostile_between": {way: each.hostile for way, each in hostile.items()},
        "hostile_wrong": wrong,
        "differences": differences,
    }
    if limit is None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        _path(one).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(f"{one}: {record['agree']} of {record['programs']} agree", flush=True)
    for said in [*wrong, *(f"{task}: {each}" for task, each in differences.items())]:
        print(f"  {said}", flush=True)


def run(names: Sequence[str], only: Sequence[str], limit: int | None, workers: int | None) -> None:
    directory = published_directory()
    for one in sets(directory):
        if (not names or one.language in names) and (not only or one.name in only):
            _judge(one, directory, limit, workers)


def main(argv: Sequence[str] | None = None) -> int:
    return command.over_sets("ways", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
