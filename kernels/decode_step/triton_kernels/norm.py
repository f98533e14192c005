"""Residual addition and normalisation in one pass over a row."""

import triton
import triton.language as tl

from kernels.decode_step.triton_kernels.partials import summed


@triton.jit(do_not_specialize=["stride"])
def add_norm(
    residual, parts, bias, weight, shift, out, stride, eps,
    SIZE: tl.constexpr, WIDE: tl.constexpr, PARTS: tl.constexpr, BIAS: tl.constexpr,
    LAYER: tl.constexpr,
):  # fmt: skip
    """One program a row: residual += sum of parts + bias; out = norm(residual).

    PARTS 0: nothing is added. LAYER: LayerNorm with `shift`; otherwise RMSNorm. WIDE: SIZE as a
    power of two; stride: elements from one partial to the next.
    """
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, WIDE)
    inside = column < SIZE
    at = row * SIZE + column
    dtype: tl.constexpr = residual.dtype.element_ty
    out_dtype: tl.constexpr = out.dtype.element_ty
    x = tl.load(residual + at, mask=inside, other=0.0).to(tl.float32)
    if PARTS > 0:
        x += summed(parts, bias, stride, at, column, inside, PARTS, BIAS, dtype)
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
