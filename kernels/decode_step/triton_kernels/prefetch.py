"""Bringing the weights that the next matrix product reads first into the second-level cache."""

import triton
import triton.language as tl


@triton.jit
def prefetch(weight, program, programs, lines, per_row, row_bytes, WIDE: tl.constexpr):
    """One of `programs`: its share of `lines` cache lines, the first per_row of each row of weight.

    The loads go on when the program has ended. WIDE: threads of the program.
    """
    base = weight.to(tl.int64)
    for start in tl.range(program * WIDE, lines, programs * WIDE):
        line = start + tl.arange(0, WIDE)
        line = tl.minimum(line, lines - 1)
        address = base + (line // per_row).to(tl.int64) * row_bytes + (line % per_row) * 128
        tl.inline_asm_elementwise(
            "prefetch.global.L2 [$1]; mov.u32 $0, 0;", "=r,l", [address], dtype=tl.int32,
            is_pure=False, pack=1,
        )  # fmt: skip
