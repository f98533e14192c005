"""Writes the mini benchmark's JSONL files from ``problems.yaml``.

``python -m benchmarks_data.mini.build`` writes ``python.jsonl``, ``java.jsonl`` and
``javascript.jsonl`` beside this file; with ``--check`` it writes nothing and fails where a file
differs from what the source gives. The prompts have the two shapes of the published benchmarks:
a documented signature with examples (as MBXP) and a word problem with its list of numbers (as
MathQA-X), so that one truncation rule and one assembly serve all of them.
"""

from __future__ import annotations

import argparse
import json
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks_data.mini import templates

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "problems.yaml"
SHOWN = 2  # cases of a function that its docstring shows, unless it says otherwise

OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def solve(numbers: list[float], steps: list[str]) -> float:
    """Value of the last step; a step is ``left operation right`` over n0.., t0.. and constants."""
    values = {f"n{i}": value for i, value in enumerate(numbers)}
    result = 0.0
    for i, step in enumerate(steps):
        left, symbol, right = step.split(" ")
        operands = [values[x] if x in values else float(x) for x in (left, right)]
        result = values[f"t{i}"] = OPERATIONS[symbol](*operands)
    return result


def word_problem(entry: dict[str, Any], language: str) -> dict[str, str]:
    """One row of a word problem."""
    numbers = [float(x) for x in entry["numbers"]]
    steps: list[str] = entry["steps"]
    lines = [f"n{i} = {value}" for i, value in enumerate(numbers)]
    lines += [f"t{i} = {step}" for i, step in enumerate(steps[:-1])]
    lines.append(f"answer = {steps[-1]}")
    named = " ".join(f"n{i} = {value}" for i, value in enumerate(numbers))
    return {
        "prompt": templates.word_prompt(language, f"{entry['statement']} {named}"),
        "canonical_solution": templates.word_solution(language, lines),
        "entry_point": "problem",
        "test": templates.word_test(language, solve(numbers, steps)),
        "description": entry["statement"],
    }


def function(entry: dict[str, Any], language: str) -> dict[str, str]:
    """One row of a small function."""
    signature = templates.Signature(entry["name"], entry["parameters"], entry["returns"])
    cases = [templates.Case(tuple(arguments), result) for arguments, result in entry["cases"]]
    shown = cases[: entry.get("shown", SHOWN)]
    return {
        "prompt": templates.function_prompt(language, signature, entry["statement"], shown),
        "canonical_solution": templates.function_solution(language, entry[language]),
        "entry_point": signature.called(language),
        "test": templates.function_test(language, signature, cases),
        "description": entry["statement"],
    }


def rows(language: str) -> list[dict[str, str]]:
    """Every row of one language, word problems first; ids are the same in all languages."""
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    made = [word_problem(entry, language) for entry in source["words"]]
    made += [function(entry, language) for entry in source["functions"]]
    return [{"task_id": f"Mini/{i}", "language": language, **row} for i, row in enumerate(made)]


def text_of(language: str) -> str:
    """The content of one language's JSONL file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(language))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    stale = []
    for language in templates.LANGUAGES:
        path, text = HERE / f"{language}.jsonl", text_of(language)
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    if stale:
        print(f"{', '.join(stale)}: not what {SOURCE.name} gives; run without --check")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
