"""Aggregate pass@k of a checkpoint on problem files, graded without executing anything.

Used while training; only totals are printed. The reported figures come from ``forkeval run``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import interpreter

_EXPECTED = re.compile(r"compare\((?:candidate\(\)|x0?), (-?[\d.]+(?:[eE][-+]?\d+)?)\)")
_TOLERANCE = {"python": 1e-8, "java": 1e-7, "javascript": 1e-7}


@dataclass(frozen=True, slots=True)
class Task:
    """A published problem: the prompt, its language and the value that its test compares with."""

    prompt: str
    language: str
    expected: float


def read_tasks(path: Path) -> list[Task]:
    """Read MathQA-X JSONL; raises ``ValueError`` where a test program has no expected value."""
    tasks = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        record = json.loads(line)
        found = _EXPECTED.search(record["test"])
        if found is None:
            raise ValueError(f"{path}:{number}: no expected value in the test program")
        tasks.append(Task(record["prompt"], record["language"], float(found[1])))
    return tasks


def count_correct(task: Task, completions: Counter[str]) -> int:
    """How many of the completions (with multiplicity) return the expected value."""
    correct = 0
    for completion, count in completions.items():
        try:
            value = interpreter.run(completion, task.language)
        except interpreter.RefusedError:
            continue
        correct += count * (abs(value - task.expected) < _TOLERANCE[task.language])
    return correct


def grade(tasks: list[Task], completions: list[list[str]], workers: int = 14) -> NDArray[np.int64]:
    """Correct completions of each task [tasks]."""
    counted = [Counter(c) for c in completions]
    if workers == 1:
        return np.array([count_correct(t, c) for t, c in zip(tasks, counted, strict=True)])
    with ProcessPoolExecutor(workers) as pool:
        return np.array(list(pool.map(count_correct, tasks, counted, chunksize=16)))


def pass_at_k(n: int, correct: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """The unbiased estimate of each task (arXiv:2107.03374, eq. 1); [tasks]."""
    wrong = n - correct
    factors = np.arange(k)
    ratios = np.clip((wrong[:, None] - factors) / (n - factors), 0.0, None)
    estimate: NDArray[np.float64] = 1.0 - ratios.prod(axis=1)
    return estimate


def summary(n: int, correct: NDArray[np.int64], seed: int = 0) -> dict[str, object]:
    """pass@1, 10, 100 in percent with bootstrap 95 % intervals over tasks."""
    random = np.random.Generator(np.random.Philox(seed))
    out: dict[str, object] = {"tasks": len(correct), "n": n}
    for k in (1, 10, 100):
        if k > n:
            continue
        each = 100 * pass_at_k(n, correct, k)
        draws = random.integers(0, len(each), (2000, len(each)))
        low, high = np.percentile(each[draws].mean(axis=1), [2.5, 97.5])
        out[f"pass@{k}"] = [round(float(v), 2) for v in (each.mean(), low, high)]
    return out
