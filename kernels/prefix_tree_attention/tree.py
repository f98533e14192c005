"""What a decode step attends to, as the host knows it: shared segments and the rows below them."""

from __future__ import annotations

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


def put(tensor: Tensor, values: NDArray[Any]) -> None:
    """Writes values over the start of a tensor; does not wait for the device's queue."""
    source = torch.from_numpy(values)
    if tensor.is_cuda:
        source = source.pin_memory()
    tensor[: len(values)].copy_(source, non_blocking=True)
