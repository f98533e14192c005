"""What the filters keep of each row, found by passes over the logits (`triton_kernels.narrow`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from kernels.sampling.triton_kernels.narrow import (
    BINS,
    BY_KEY,
    BY_VALUE,
    CUTS,
    FROM_TOP,
    keep,
    narrow,
    open_range,
    settle,
    tally,
)

# Low bits of float32 that are 0 in every value of a dtype.
SHIFTS = {torch.bfloat16: 16, torch.float16: 13, torch.float32: 0}
WARPS = 4


@dataclass(frozen=True, slots=True)
class Masses:
    """Logits [R, V] and the sums of their chunks [R, C, 4] as `scan_chunks` leaves them."""

    logits: Tensor
    banned: Tensor | None  # [V] int8
    sums: Tensor
    temperature: float
    scale: float  # log2(e) / temperature
    chunk: int

    @property
    def chunks(self) -> int:
        return self.sums.shape[1]

    @property
    def padded(self) -> int:
        return int(triton.next_power_of_2(self.chunks))

    @property
    def shift(self) -> int:
        return SHIFTS[self.logits.dtype]


class _Pass:
    """What a pass leaves: ranges [R, 2] and what lies above them [R], its cuts [R, 8] and what lies
    above each in every chunk [R, C, 8]."""

    def __init__(self, empty: Callable[..., Tensor], chunks: int) -> None:
        self.ranges, self.overs = empty(2, dtype=torch.int32), empty()
        self.cuts, self.sums = empty(CUTS.value, dtype=torch.int32), empty(chunks, CUTS.value)


class Thresholds:
    """Filters in turn; after each, `ranges` and `kept` hold what is left of a row."""

    def __init__(self, masses: Masses) -> None:
        self._m = masses
        height, device = len(masses.logits), masses.logits.device

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.empty((height, *shape), dtype=dtype, device=device)

        # [R, 2]: key up to which nothing is kept, at `column`
        self.ranges = empty(2, dtype=torch.int32)
        self.column = 0
        self.kept = empty(masses.chunks)  # [R, C] mass of each chunk that is kept
        self._limits = empty(2)
        self._overs = empty()  # what lies above the range
        self._passes = [_Pass(empty, masses.chunks) for _ in range(2)]

    @staticmethod
    def of(
        masses: Masses, top_k: int | None, top_p: float | None, min_p: float | None
    ) -> Thresholds | None:
        """None where no filter removes anything."""
        vocabulary = masses.logits.shape[1]
        count = top_k if top_k is not None and top_k < vocabulary else None
        part = top_p if top_p is not None and top_p < 1 else None
        least = min_p if min_p is not None and min_p > 0 else None
        if count is part is least is None:
            return None
        found = Thresholds(masses)
        if count is not None:
            found._top_k(count)
        if part is not None:
            found._top_p(part, again=count is not None)
        if least is not None:
            found._min_p(least, alone=count is part is None)
        elif part is not None:
            found._keep()
        return found

    def _top_k(self, count: int) -> None:
        self._open(float(count), count=True)
        self._narrow(FROM_TOP, count=True)
        self._keep()

    def _top_p(self, part: float, again: bool) -> None:
        # All tokens less likely than this together are less than what top-p leaves away; a little
        # lower, for the rounding of sums.
        rare = max(1.0 - part, 1e-9) / self._m.logits.shape[1]
        least = (1e-3 - math.log(rare)) * self._m.temperature
        self._open(part, least=least, bounded=not again, again=again)
        self._narrow(BY_VALUE, count=False)

    def _min_p(self, least: float, alone: bool) -> None:
        if alone:
            self._open(1.0)
        self._keep(-math.log(least) * self._m.temperature)
        self.column = 1

    def _open(
        self, limit: float, *, least: float = 0.0, count: bool = False, bounded: bool = False,
        again: bool = False,
    ) -> None:  # fmt: skip
        m = self._m
        open_range[(len(m.logits),)](
            m.sums, self.ranges, self._overs, self._limits, self.kept, m.chunks, m.scale, limit,
            least, CHUNKS=m.padded, COUNT=count, BOUNDED=bounded, AGAIN=again, SHIFT=m.shift,
            num_warps=1,
        )  # fmt: skip

    def _narrow(self, how: Any, *, count: bool) -> None:
        """how: of the first cuts."""
        m = self._m
        read = (m.logits, m.logits.stride(0), m.banned, self._limits)
        size = (m.logits.shape[1], m.chunks)
        what = {"CHUNK": m.chunk, "BANNED": m.banned is not None, "SHIFT": m.shift}
        # The second pass is for rows whose keys are too many to be counted.
        for index, way in enumerate((how, BY_KEY if m.shift else BY_VALUE)):
            old, new = self._passes[index - 1], self._passes[index]
            narrow[(len(m.logits), m.chunks)](
                *read, self.ranges, self._overs, old.cuts, old.sums, new.ranges, new.overs,
                new.cuts, new.sums, *size, m.scale, m.temperature, 1 if index == 0 else BINS.value,
                CHUNKS=m.padded, COUNT=count, FIRST=index == 0, HOW=way, num_warps=WARPS, **what,
            )  # fmt: skip
            self._swap(new)
        last = self._passes[1]
        counts = torch.zeros((len(m.logits), BINS.value), dtype=torch.int32, device=m.logits.device)
        spare = self._passes[0]
        tally[(len(m.logits), m.chunks)](
            *read, self.ranges, self._overs, last.cuts, last.sums, spare.ranges, spare.overs,
            counts, *size, CHUNKS=m.padded, num_warps=WARPS, **what,
        )  # fmt: skip
        self._swap(spare)
        settle[(len(m.logits),)](
            *read, self.ranges, self._overs, counts, *size, m.scale, COUNT=count, num_warps=WARPS,
            **what,
        )  # fmt: skip

    def _swap(self, made: _Pass) -> None:
        """Takes the ranges that a pass wrote; what they were is room for the next."""
        self.ranges, made.ranges = made.ranges, self.ranges
        self._overs, made.overs = made.overs, self._overs

    def _keep(self, below: float | None = None) -> None:
        """Mass above low; below: and above the largest logit less this."""
        m = self._m
        keep[(len(m.logits), m.chunks)](
            m.logits, m.logits.stride(0), m.banned, self.ranges, self._limits, self.kept,
            m.logits.shape[1], m.chunks, m.scale, below or 0.0, CHUNK=m.chunk,
            BANNED=m.banned is not None, MIN_P=below is not None, SHIFT=m.shift, num_warps=WARPS,
        )  # fmt: skip
