"""What a choice depends on: the numbers of a step that its cost follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from kernels.prefix_tree_attention.choice import Shape
from kernels.prefix_tree_attention.tree import Branch, Segment


@dataclass(frozen=True, slots=True)
class Workload:
    """One decode step of one layer, 16-bit elements."""

    heads: int
    kv_heads: int
    dim: int
    rows: int
    prefix: float  # shared tokens that a row attends to, the mean
    stored: int  # shared tokens, each counted once
    own: float  # own tokens of a row, the mean

    @property
    def token_bytes(self) -> int:
        """Keys and values of one token."""
        return 2 * 2 * self.kv_heads * self.dim

    @property
    def query_bytes(self) -> int:
        """The queries of all rows; the result is as large."""
        return 2 * self.rows * self.heads * self.dim

    @property
    def together(self) -> float:
        """Rows that attend to a shared token, the mean over stored tokens."""
        return self.rows * self.prefix / max(self.stored, 1)

    def operations(self, tokens: float) -> float:
        """Of all rows with that many tokens each, a multiply-add as two."""
        return 4 * self.heads * self.dim * self.rows * tokens

    def distance(self, other: Workload) -> float | None:
        """How many doublings apart two are; None where heads or dimension differ."""
        if (self.heads, self.kv_heads, self.dim) != (other.heads, other.kv_heads, other.dim):
            return None
        pairs = zip(self._sizes, other._sizes, strict=True)
        return sum(abs(log2(a + 1) - log2(b + 1)) for a, b in pairs)

    @property
    def _sizes(self) -> tuple[float, ...]:
        return self.rows, self.prefix, self.stored, self.own


def workload(
    shape: Shape, segments: Sequence[Segment], branches: Sequence[Branch], own: float
) -> Workload:
    """own: tokens of a row's own that are expected, the mean."""
    rows = np.array([len(branch.rows) for branch in branches])
    tokens = np.array([sum(segments[i].length for i in b.segments) for b in branches])
    named = {i for branch in branches for i in branch.segments}
    return Workload(
        shape.heads, shape.kv_heads, shape.dim, shape.rows,
        float((rows * tokens).sum()) / max(shape.rows, 1),
        sum(segments[i].length for i in named), own,
    )  # fmt: skip
