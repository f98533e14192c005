"""What a decode step attends to, as the host knows it: shared segments and the rows below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of tokens that several rows attend to, in one contiguous extent of the arena."""

    start: int  # slot of its first token
    length: int  # tokens
    position: int  # of its first token in the sequence


@dataclass(frozen=True, slots=True)
class Branch:
    """Rows that attend to the same segments."""

    rows: Ints  # [n] rows of q
    segments: tuple[int, ...]  # indices, root first


@dataclass(frozen=True, slots=True)
class Below:
    """The rows below one segment, and where its partials lie among a row's."""

    rows: Ints  # [n]
    parent: int | None  # the segment above


def rows_below(segments: Sequence[Segment], branches: Sequence[Branch]) -> list[Below | None]:
    """For each segment the rows below it; None for a segment that no branch names.

    Raises ValueError where the branches are not those of a tree: a segment with two parents, one
    that does not go on where its parent ends, or a row on two branches.
    """
    parents: dict[int, int | None] = {}
    lists: dict[int, list[Ints]] = {}
    for branch in branches:
        above: int | None = None
        for index in branch.segments:
            if parents.setdefault(index, above) != above:
                raise ValueError(f"segment {index} has two parents: {parents[index]} and {above}")
            start = 0 if above is None else segments[above].position + segments[above].length
            if segments[index].position != start:
                raise ValueError(
                    f"segment {index} begins at position {segments[index].position}, its parent "
                    f"ends at {start}"
                )
            lists.setdefault(index, []).append(branch.rows)
            above = index
    rows = np.concatenate([branch.rows for branch in branches] or [np.zeros(0, np.int64)])
    if len(np.unique(rows)) != len(rows):
        raise ValueError("a row is on two branches")
    return [
        Below(np.concatenate(lists[i]), parents[i]) if i in lists else None
        for i in range(len(segments))
    ]


def put(tensor: Tensor, values: NDArray[Any]) -> None:
    """Writes values over the start of a tensor; does not wait for the device's queue."""
    source = torch.from_numpy(values)
    if tensor.is_cuda:
        source = source.pin_memory()
    tensor[: len(values)].copy_(source, non_blocking=True)
