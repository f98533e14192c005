"""Matrix products of few rows: as fast as the weights can be read, so these are read early."""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from kernels.decode_step.triton_kernels.activation import activated

LINE: tl.constexpr = tl.constexpr(64)  # 16-bit elements of a cache line


@triton.jit
def fetch(weight, first, start, K: tl.constexpr, BN: tl.constexpr, LINES: tl.constexpr):
    """Asks the second-level cache for the first lines of BN rows from a column on."""
    i = tl.arange(0, BN * LINES)
    column = tl.minimum(start + i % LINES * LINE, K - LINE)
    at = weight + (first + i // LINES).to(tl.int64) * K + column
    tl.inline_asm_elementwise(
        "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [at], dtype=tl.int32, is_pure=False,
        pack=1,
    )  # fmt: skip


@triton.jit(do_not_specialize=["rows"])
def split_product(
    x, weight, parts, rows,
    N: tl.constexpr, K: tl.constexpr, EACH: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
    BK: tl.constexpr, STAGES: tl.constexpr, LINES: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One program: all rows (BM or fewer), BN columns and, along the second axis, EACH of K.

    x: [R, K]; weight: [N, K]; parts: [S, R, N] float32. EARLY: the kernel before may still be
    writing x.
    """
    first, part = tl.program_id(0) * BN, tl.program_id(1)
    start = part * EACH
    if EARLY:
        fetch(weight, first, start, K, BN, LINES)
        gdc_wait()
    row, column = tl.arange(0, BM), first + tl.arange(0, BN)
    inside = (row < rows)[:, None]
    total = tl.zeros([BM, BN], tl.float32)
    for k in tl.range(start, tl.minimum(start + EACH, K), BK, num_stages=STAGES):
        inner = k + tl.arange(0, BK)
        a = tl.load(x + row[:, None] * K + inner[None, :], mask=inside, other=0.0)
        b = tl.load(weight + column.to(tl.int64)[:, None] * K + inner[None, :])
        total = tl.dot(a, tl.trans(b), total)
    if EARLY:
        gdc_launch_dependents()
    at = (part * rows + row)[:, None] * N + column[None, :]
    tl.store(parts + at, total, mask=inside)


@triton.jit(do_not_specialize=["rows"])
def gated_product(
    x, weight, out, rows,
    N: tl.constexpr, K: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
    STAGES: tl.constexpr, LINES: tl.constexpr, KIND: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One program: all rows and BN columns of act(x @ gate^T) * (x @ up^T), out [R, N]. weight:
    [2 N, K], gate before up. EARLY: as in `split_product`."""
    first = tl.program_id(0) * BN
    if EARLY:
        fetch(weight, first, 0, K, BN, LINES)
        fetch(weight, N + first, 0, K, BN, LINES)
        gdc_wait()
    row, column = tl.arange(0, BM), first + tl.arange(0, BN)
    inside = (row < rows)[:, None]
    gate, up = tl.zeros([BM, BN], tl.float32), tl.zeros([BM, BN], tl.float32)
    for k in tl.range(0, K, BK, num_stages=STAGES):
        inner = k + tl.arange(0, BK)
        a = tl.load(x + row[:, None] * K + inner[None, :], mask=inside, other=0.0)
        at = column.to(tl.int64)[:, None] * K + inner[None, :]
        gate = tl.dot(a, tl.trans(tl.load(weight + at)), gate)
        up = tl.dot(a, tl.trans(tl.load(weight + N * K + at)), up)
    if EARLY:
        gdc_launch_dependents()
    y = activated(gate, KIND) * up
    at = row[:, None] * N + column[None, :]
    tl.store(out + at, y.to(out.dtype.element_ty), mask=inside)
