"""Compares `isolated` with `completed` on the published programs: `python -m tests.full.agreement`.

Judged are the sets of every language that has both; what has been judged with the same image is not
judged again, also after a kill. sandboxes/results/isolated holds, for each set, how many programs
that pass at `completed` pass at `isolated` too, every difference with its cause (from causes.yaml
there), and the fallbacks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.records import Evidence, Limits
from sandboxes import languages
from sandboxes.pool import DockerExecutor
from tests.full import command
from tests.full.published import JOURNALS, ROOT, judge
from tests.full.published_results import Journal, Result
from tests.full.published_sets import published_directory, read, sets

FOLDER = ROOT / "sandboxes" / "results" / "isolated"
UNKNOWN = "not explained"
BOTH: tuple[Evidence, ...] = ("completed", "isolated")


def compare(completed: Result, isolated: Result, causes: Mapping[str, str]) -> dict[str, Any]:
    """What is recorded of one set. causes: by task id, of programs that pass one way alone."""
    differences = {}
    both = 0
    for task in [*completed.passed, *completed.failed]:
        verdicts = (completed.verdict(task), isolated.verdict(task))
        both += verdicts == ("passed", "passed")
        if (verdicts[0] == "passed") != (verdicts[1] == "passed"):
            failed = completed.failed.get(task) or isolated.failed[task]
            differences[task] = {
                "completed": verdicts[0],
                "isolated": verdicts[1],
                "detail": failed.detail,
                "cause": causes.get(task, UNKNOWN),
            }
    good = len(completed.passed)
    return {
        "set": completed.set,
        "language": completed.language,
        "data": completed.data,
        "toolchain": completed.toolchain,
        "image_digest": completed.image_digest,
        "date": isolated.date,
        "programs": completed.programs,
        "passed_completed": good,
        "agree": both,
        "agreement": round(both / good, 5) if good else None,
        "fallbacks": list(isolated.fallbacks),
        "cpu_seconds": {"completed": completed.cpu_seconds, "isolated": isolated.cpu_seconds},
        "differences": differences,
    }


def load_causes(path: Path = FOLDER / "causes.yaml") -> Mapping[str, Mapping[str, str]]:
    """Causes by set and language ("mbxp_canonical/python"), then by task id."""
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(path.read_text())
    return found


def run(names: Sequence[str], only: Sequence[str], limit: int | None, workers: int | None) -> None:
    directory = published_directory()
    causes = load_causes()
    for one in sets(directory):
        if languages.get(one.language).isolated is None:
            continue
        if (names and one.language not in names) or (only and one.name not in only):
            continue
        given = read(one, directory)
        found = []
        with DockerExecutor(Limits(), workers) as executor:
            for evidence in BOTH:
                journal = Journal(JOURNALS / f"{evidence}-{one.name}-{one.language}.jsonl")
                found.append(judge(one, given, executor, journal, limit, evidence))
        result = compare(found[0], found[1], causes.get(str(one), {}))
        if limit is None:
            path = FOLDER / f"{one.name}-{one.language}.json"
            path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
        print(
            f"{one}: {result['agree']} of {result['passed_completed']} that pass agree,"
            f" {len(result['differences'])} differences, {len(result['fallbacks'])} fallbacks",
            flush=True,
        )
        for task, difference in result["differences"].items():
            print(f"  {task}: {json.dumps(difference)}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    return command.over_sets("agreement", __doc__, run, argv)


if __name__ == "__main__":
    sys.exit(main())
