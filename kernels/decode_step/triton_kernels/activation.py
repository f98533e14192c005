"""The feed-forward layer's activation, gated or plain."""

import triton
import triton.language as tl


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


@triton.jit
def activate(
    x, out, SIZE: tl.constexpr, BLOCK: tl.constexpr, GATED: tl.constexpr, KIND: tl.constexpr
):
    """One program: BLOCK of a row's SIZE columns of out. x: GATED [R, 2 * SIZE], the gate before
    the rest; otherwise [R, SIZE]."""
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < SIZE
    dtype: tl.constexpr = out.dtype.element_ty
    width: tl.constexpr = 2 * SIZE if GATED else SIZE
    at = row * width + column
    y = activated(tl.load(x + at, mask=inside, other=0.0).to(tl.float32), KIND)
    if GATED:
        y *= tl.load(x + at + SIZE, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * SIZE + column, y.to(dtype), mask=inside)
