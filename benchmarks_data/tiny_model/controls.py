"""Two controls that show whether the tiny model reads its prompts, and a seeded choice of problems.

``random``: completions that are random expressions over the prompt's numbers, with the generator's
distribution of operations, as JSONL for the ``recorded`` backend.
``shuffle``: the same problems with the words of the statement in random order and every number in
its place.
``subset``: some of a file's problems, drawn with a seed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .random_programs import FIT_PATH, Sampler, fit

_NUMBERS = re.compile(r"\bn\d+ = (\S+)")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The Philox generator of one named draw: key from the seed and the names."""
    text = "\x00".join(str(name) for name in (seed, *names))
    key = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")
    return np.random.Generator(np.random.Philox(key=key))


def read_problems(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSONL file; raises ``ValueError`` with file and line on a broken one."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}:{number}: {error}") from error
            if line.strip():
                yield record


def write_records(path: Path, records: Iterator[dict[str, Any]]) -> int:
    """Write JSONL; returns how many records."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            written += 1
    return written


def shuffle_words(text: str, random: np.random.Generator) -> str:
    """Permute the blank-separated words; a word with a digit keeps its place."""
    words = text.split(" ")
    free = [i for i, word in enumerate(words) if not any(c.isdigit() for c in word)]
    for target, source in zip(free, random.permutation(free), strict=True):
        words[target] = text.split(" ")[source]
    return " ".join(words)


def shuffled(problems: Iterator[dict[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    """Each problem with its statement shuffled, in ``prompt`` and ``description`` alike.

    The list ``n0 = ...`` after the statement stays as it is. One stream a problem, the same for
    its three languages. Raises ``ValueError`` where the prompt does not hold its description.
    """
    for problem in problems:
        statement = problem["description"]
        if problem["prompt"].count(statement) != 1:
            raise ValueError(f"{problem['task_id']}: the prompt does not hold its description once")
        words = shuffle_words(statement, stream(seed, "shuffle", problem["task_id"]))
        prompt = problem["prompt"].replace(statement, words)
        yield {**problem, "prompt": prompt, "description": words}


def subset(problems: Iterator[dict[str, Any]], n: int, seed: int) -> Iterator[dict[str, Any]]:
    """``n`` problems in file order; the same task ids for files of the same problems.

    Raises ``ValueError`` when there are fewer than ``n``.
    """
    found = list(problems)
    if n > len(found):
        raise ValueError(f"{n} problems asked for, {len(found)} there")
    chosen = stream(seed, "subset").choice(len(found), n, replace=False)
    for i in sorted(chosen):
        yield found[i]


def random_completions(
    problems: Iterator[dict[str, Any]], n: int, seed: int
) -> Iterator[dict[str, Any]]:
    """``n`` random programs over each prompt's numbers, for the ``recorded`` backend.

    One stream a (language, problem, sample).
    """
    sampler = Sampler.load()
    for problem in problems:
        language, task = problem["language"], problem["task_id"]
        numbers = [float(found) for found in _NUMBERS.findall(problem["prompt"])]
        for index in range(n):
            random = stream(seed, "random", language, task, index)
            _, completion = sampler.draw(numbers, language, random)
            yield {
                "task_id": task,
                "language": language,
                "sample_index": index,
                "completion": completion,
            }


def main(argv: list[str] | None = None) -> None:
    """``python -m benchmarks_data.tiny_model.controls random|shuffle|subset|fit ...``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks_data.tiny_model.controls")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("random", "random programs over each prompt's numbers"),
        ("shuffle", "the same problems with the statement's words in random order"),
        ("subset", "some of the problems"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--problems", type=Path, required=True, help="MathQA-X JSONL")
        command.add_argument("--out", type=Path, required=True)
        command.add_argument("--seed", type=int, default=0)
        if name != "shuffle":
            command.add_argument("--n", type=int, required=True)
    fitting = commands.add_parser("fit", help="count the generator's operations again")
    fitting.add_argument("--n", type=int, default=50_000, help="problems to count over")
    fitting.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    if arguments.command == "fit":
        text = json.dumps(fit(arguments.n, arguments.seed), indent=1)
        FIT_PATH.write_text(text + "\n", encoding="utf-8")
        return
    problems = read_problems(arguments.problems)
    if arguments.command == "random":
        records = random_completions(
            iter(tqdm(problems, unit="problem")), arguments.n, arguments.seed
        )
    elif arguments.command == "shuffle":
        records = shuffled(problems, arguments.seed)
    else:
        records = subset(problems, arguments.n, arguments.seed)
    print(f"{write_records(arguments.out, records)} records in {arguments.out}")


if __name__ == "__main__":
    main()
