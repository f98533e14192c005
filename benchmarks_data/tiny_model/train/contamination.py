"""Runs of 13 words that a training statement would share with a published problem.

Normalised as training-data pipelines do: lower case, punctuation removed, white space collapsed.
The published side is every prompt and description of the JSONL files under a directory (and any
further files given); only 64-bit hashes of their runs are kept, so nothing published is stored.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np

RUN_LENGTH = 13
_MASK = (1 << 64) - 1
_BASE = 0x9E3779B97F4A7C15
_LEADING = pow(_BASE, RUN_LENGTH, 1 << 64)
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_TEXT_FIELDS = ("prompt", "description")


def normalise(text: str) -> list[str]:
    """The words of ``text``: lower case, ASCII punctuation removed."""
    return text.lower().translate(_PUNCTUATION).split()


class _WordHashes(dict[str, int]):
    def __missing__(self, word: str) -> int:
        value = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


_WORD_HASHES = _WordHashes()


def run_hashes(text: str) -> Iterator[int]:
    """A 64-bit rolling hash of every run of :data:`RUN_LENGTH` words."""
    words = [_WORD_HASHES[w] for w in normalise(text)]
    state = 0
    for i, word in enumerate(words):
        state = (state * _BASE + word) & _MASK
        if i >= RUN_LENGTH:
            state = (state - words[i - RUN_LENGTH] * _LEADING) & _MASK
        if i >= RUN_LENGTH - 1:
            yield state


def runs(text: str) -> set[tuple[str, ...]]:
    """Every run of :data:`RUN_LENGTH` words, as words."""
    words = normalise(text)
    return {tuple(words[i : i + RUN_LENGTH]) for i in range(len(words) - RUN_LENGTH + 1)}


def _read_texts(directory: Path, more: Iterable[Path]) -> Iterator[str]:
    files = [*sorted(directory.rglob("*.jsonl")), *more]
    if not files:
        raise ValueError(f"{directory}: no JSONL file with published problems below it")
    for path in files:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                for field in _TEXT_FIELDS:
                    yield str(record.get(field) or "")


def read_runs(directory: Path, more: Iterable[Path] = ()) -> set[tuple[str, ...]]:
    """All runs of the published problems as words; raises ``ValueError`` without any file."""
    return set().union(*(runs(text) for text in _read_texts(directory, more)))


class Published:
    """The hashes of all runs of the published problems."""

    def __init__(self, hashes: Iterable[int]) -> None:
        self._hashes = frozenset(hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def shares_run(self, statement: str) -> bool:
        """Whether any 13 words in a row of ``statement`` stand in a published problem too."""
        return not self._hashes.isdisjoint(run_hashes(statement))

    @classmethod
    def read_problems(cls, directory: Path, more: Iterable[Path] = ()) -> Published:
        """Hash prompts and descriptions of every ``*.jsonl`` below ``directory`` and in ``more``.

        Raises ``ValueError`` when there is no such file: an empty set would pass every check.
        """
        hashes: set[int] = set()
        for text in _read_texts(directory, more):
            hashes.update(run_hashes(text))
        return cls(hashes)

    def save(self, path: Path) -> None:
        """Write the hashes (sorted uint64, ``.npy``) for a machine without the published files."""
        np.save(path, np.fromiter(sorted(self._hashes), dtype=np.uint64))

    @classmethod
    def load(cls, path: Path) -> Published:
        """Read what :meth:`save` wrote."""
        return cls(np.load(path).tolist())
