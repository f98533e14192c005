"""Reads memory and keeps a sum: the yardstick of bandwidth."""

import triton
import triton.language as tl


@triton.jit
def read(x, sums, n, BLOCK: tl.constexpr, STEPS: tl.constexpr):
    """x [n] int32; one sum for each program, over STEPS blocks."""
    start = tl.program_id(0).to(tl.int64) * (BLOCK * STEPS)
    total = tl.zeros([BLOCK], tl.int32)
    for step in tl.static_range(STEPS):
        at = start + step * BLOCK + tl.arange(0, BLOCK)
        total += tl.load(x + at, mask=at < n, other=0)
    tl.store(sums + tl.program_id(0), tl.sum(total))
