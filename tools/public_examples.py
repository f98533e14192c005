"""Prints the table of docs/rankers.md: documented examples, and how many are hidden tests too.

Needs the published data, in the directory that FORKEVAL_DATA names.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from pipeline.config import BenchmarkConfig
from pipeline.manifests import offered
from pipeline.records import Part
from pipeline.stages import load


def main() -> None:
    print("| benchmark | language | problems | with a public input | examples | hidden tests too |")
    print("|---|---|--:|--:|--:|--:|")
    for name in offered():
        if name == "jsonl":
            continue
        problems, tests = load.load([BenchmarkConfig(name=name)])
        counts: dict[Part, Counter[str]] = defaultdict(Counter)
        for found in load.public_examples(problems, tests):
            counts[found.key.part].update(
                problems=1,
                observable=found.inputs > 0,
                examples=found.examples,
                equal=found.equal_tests,
            )
        for part, count in counts.items():
            numbers = (count[key] for key in ("problems", "observable", "examples", "equal"))
            print(f"| {part.dataset} | {part.language} | {' | '.join(f'{n:,}' for n in numbers)} |")


if __name__ == "__main__":
    main()
