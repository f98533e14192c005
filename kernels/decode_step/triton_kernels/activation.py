"""The feed-forward layer's activation, gated or plain."""

import triton
import triton.language as tl

from kernels.decode_step.triton_kernels.partials import summed


@triton.jit
def activated(x, KIND: tl.constexpr):
    """x float32 -> float32."""
    if KIND == "silu":
        y = x / (1.0 + tl.exp(-x))
    elif KIND == "gelu":
        y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    else:  # gelu_tanh; tanh y = 1 - 2 / (e^2y + 1)
        inner = 0.7978845608028654 * (x + 0.044715 * x * x * x)
        y = 0.5 * x * (2.0 - 2.0 / (tl.exp(tl.minimum(2.0 * inner, 80.0)) + 1.0))
    return y


@triton.jit(do_not_specialize=["stride"])
def activate(
    parts, bias, out, stride,
    SIZE: tl.constexpr, BLOCK: tl.constexpr, PARTS: tl.constexpr, BIAS: tl.constexpr,
    GATED: tl.constexpr, KIND: tl.constexpr,
):  # fmt: skip
    """One program: BLOCK of a row's SIZE columns of out. parts: GATED [PARTS, R, 2 * SIZE], the
    gate before the rest; otherwise [PARTS, R, SIZE]."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < SIZE
    dtype: tl.constexpr = out.dtype.element_ty
    width: tl.constexpr = 2 * SIZE if GATED else SIZE
    at = row * width + column
    x = summed(parts, bias, stride, at, column, inside, PARTS, BIAS, dtype)
    y = activated(x, KIND)
    if GATED:
        y *= summed(parts, bias, stride, at + SIZE, column + SIZE, inside, PARTS, BIAS, dtype)
    tl.store(out + row * SIZE + column, y.to(dtype), mask=inside)
