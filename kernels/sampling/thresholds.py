"""What the filters keep of each row, found by passes over the logits (`triton_kernels.narrow`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from kernels.sampling.triton_kernels.narrow import (
    AROUND_GUESS,
    AROUND_USED,
    BY_VALUE,
    CUTS,
    FROM_TOP,
    MOST,
    RUN,
    narrow,
    open_range,
    review,
)
from kernels.sampling.triton_kernels.settle import collect, keep, settle

# Low bits of float32 that are 0 in every value of a dtype.
SHIFTS = {torch.bfloat16: 16, torch.float16: 13, torch.float32: 0}
SAMPLE = 4096  # tokens of a row by which a threshold is guessed
WARPS = 4
PASS_WARPS = 2  # of kernels that sum often: the more tokens a thread has, the less that costs


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


class Thresholds:
    """Filters in turn; after each, `ranges` and `kept` hold what is left of a row."""

    def __init__(self, masses: Masses) -> None:
        self._m = masses
        height, device = len(masses.logits), masses.logits.device

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.empty((height, *shape), dtype=dtype, device=device)

        chunks = masses.chunks
        # [R, 2]: keys, of a range (low, high] while it is narrowed; up to the one at `column`
        # nothing is kept
        self.ranges = empty(2, dtype=torch.int32)
        self.column = 0
        self.kept = empty(chunks)  # [R, C] mass of each chunk that is kept
        self._overs = empty()  # what lies above the range
        self._limits = empty(2)
        self._cuts = empty(CUTS.value, dtype=torch.int32)
        self._wide = empty(dtype=torch.int32)  # whether a row's range is to be cut
        self._sums = empty(chunks, CUTS.value)  # above each cut in every chunk
        self._listed = empty(chunks, MOST.value, dtype=masses.logits.dtype)  # in the range
        self._numbers = empty(chunks, dtype=torch.int32)

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
        return found

    def _top_k(self, count: int) -> None:
        self._open(float(count), FROM_TOP, count=True)
        self._narrow(CUTS, count=True)

    def _top_p(self, part: float, again: bool) -> None:
        if again:
            self._open(part, BY_VALUE, again=True)
        else:
            self._open(part, AROUND_GUESS)
        self._narrow(CUTS if again else AROUND_USED, count=False)

    def _min_p(self, least: float, alone: bool) -> None:
        """Mass above low and above the largest logit less the filter's distance."""
        if alone:
            self._open(1.0, BY_VALUE)
        m = self._m
        keep[(len(m.logits), m.chunks)](
            m.logits, m.logits.stride(0), m.banned, self.ranges, self._limits, self.kept,
            m.logits.shape[1], m.chunks, m.scale, -math.log(least) * m.temperature, CHUNK=m.chunk,
            BANNED=m.banned is not None, SHIFT=m.shift, num_warps=WARPS,
        )  # fmt: skip
        self.column = 1

    def _open(self, limit: float, how: Any, *, count: bool = False, again: bool = False) -> None:
        """how: the first cuts lie; see `open_range`."""
        m = self._m
        vocabulary = m.logits.shape[1]
        # All tokens less likely than this together are less than what top-p leaves away; a little
        # lower, for the rounding of sums.
        rare = max(1.0 - limit, 1e-9) / vocabulary
        least = (1e-3 - math.log(rare)) * m.temperature
        sample = min(SAMPLE, int(triton.next_power_of_2(vocabulary)))
        step = max(vocabulary // (sample // RUN.value or 1) // RUN.value, 1) * RUN.value
        open_range[(len(m.logits),)](
            m.logits, m.logits.stride(0), m.banned, m.sums, self.ranges, self._overs, self._limits,
            self._cuts, self._wide, self.kept, vocabulary, m.chunks, m.scale, limit, least,
            m.temperature, step, CHUNKS=m.padded, COUNT=count, HOW=how, AGAIN=again, SAMPLE=sample,
            BANNED=m.banned is not None, SHIFT=m.shift,
            num_warps=WARPS if how is AROUND_GUESS else 1,
        )  # fmt: skip

    def _narrow(self, used: Any, *, count: bool) -> None:
        """used: of the first cuts."""
        m = self._m
        rows = len(m.logits)
        read = (m.logits, m.logits.stride(0), m.banned, self._limits)
        size = (m.logits.shape[1], m.chunks, m.scale)
        what = {"CHUNK": m.chunk, "BANNED": m.banned is not None, "SHIFT": m.shift}
        for cuts in (used, CUTS):
            narrow[(rows, m.chunks)](
                *read, self.ranges, self._cuts, self._wide, self._sums, self._numbers, *size,
                COUNT=count, USED=cuts, num_warps=PASS_WARPS, **what,
            )  # fmt: skip
            review[(rows,)](
                self._limits, self.ranges, self._overs, self._cuts, self._wide, self._sums,
                self._numbers, m.chunks, m.scale, CHUNKS=m.padded, COUNT=count, SHIFT=m.shift,
                num_warps=1,
            )  # fmt: skip
        found = (self._listed, self._numbers, self.kept)
        collect[(rows, m.chunks)](*read, self.ranges, *found, *size, num_warps=PASS_WARPS, **what)
        settle[(rows,)](
            *read, self.ranges, self._overs, *found, *size, CHUNKS=m.padded, COUNT=count,
            num_warps=WARPS, **what,
        )  # fmt: skip
