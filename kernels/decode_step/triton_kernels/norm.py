"""Residual addition and normalisation in one pass over a row."""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents


@triton.jit
def add_norm(
    residual, added, bias, weight, shift, out, eps,
    SIZE: tl.constexpr, WIDE: tl.constexpr, PARTS: tl.constexpr, BIAS: tl.constexpr,
    LAYER: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """One program a row: residual += added [PARTS, R, SIZE] and bias; out = norm(residual).

    LAYER: LayerNorm with `shift`; otherwise RMSNorm. WIDE: SIZE as a power of two. EARLY: the next
    kernel may start, which waits for this one's end.
    """
    if EARLY:
        gdc_launch_dependents()
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, WIDE)
    inside = column < SIZE
    at = row * SIZE + column
    dtype: tl.constexpr = residual.dtype.element_ty
    out_dtype: tl.constexpr = out.dtype.element_ty
    x = tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    if PARTS > 0:
        more = tl.load(added + at, mask=inside, other=0.0).to(tl.float32)
        for part in tl.static_range(1, PARTS):
            here = added + part * tl.num_programs(0) * SIZE
            more += tl.load(here + at, mask=inside, other=0.0).to(tl.float32)
        if BIAS:
            more += tl.load(bias + column, mask=inside, other=0.0).to(tl.float32)
        x += more
        rounded = x.to(dtype)
        tl.store(residual + at, rounded, mask=inside)
        x = rounded.to(tl.float32)
    scale = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32)
    if LAYER:
        x = tl.where(inside, x - tl.sum(x) / SIZE, 0.0)
        x = x * (1.0 / tl.sqrt(tl.sum(x * x) / SIZE + eps))
        x = x * scale + tl.load(shift + column, mask=inside, other=0.0).to(tl.float32)
    else:
        x = x * (1.0 / tl.sqrt(tl.sum(x * x) / SIZE + eps))
        x = x * scale
    tl.store(out + at, x.to(out_dtype), mask=inside)
