"""Merge of a row's partials, for launches in which shared and own part run side by side."""

import triton
import triton.language as tl

from kernels.prefix_tree_attention.triton_kernels.softmax import (
    NO_KEY,
    add_sink,
    add_stored_part,
    normalised,
)


@triton.jit(do_not_specialize=["columns", "first", "splits"])
def merge(
    partial, lse, out, depths, sinks, out_row, columns, first, splits,
    HEADS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    BH: tl.constexpr, SINKS: tl.constexpr,
):  # fmt: skip
    """One program: BH heads of a row; the partials of its path, then splits of its own keys."""
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BH + tl.arange(0, BH)
    real = head < HEADS
    d = tl.arange(0, WIDE)
    highest = tl.full([BH], NO_KEY, tl.float32)
    total = tl.zeros([BH], tl.float32)
    weighted = tl.zeros([BH, WIDE], tl.float32)
    depth = tl.load(depths + row)
    for index in tl.range(0, depth + splits, num_stages=3):
        column = tl.where(index < depth, index, first + index - depth)
        place = (row * columns + column) * HEADS + head
        highest, total, weighted = add_stored_part(
            partial, lse, place, real, d, highest, total, weighted, DIM
        )
    if SINKS:
        sink = tl.load(sinks + head, mask=real, other=0.0)
        highest, total, weighted = add_sink(sink, highest, total, weighted)
    tl.store(
        out + row * out_row + (head * DIM)[:, None] + d[None, :],
        normalised(total, weighted).to(out.dtype.element_ty),
        mask=real[:, None] & (d < DIM)[None, :],
    )
