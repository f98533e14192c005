"""Reading the result of a matrix product that may be in partials."""

import triton
import triton.language as tl


@triton.jit
def summed(
    parts, bias, stride, at, column, mask, PARTS: tl.constexpr, BIAS: tl.constexpr,
    DTYPE: tl.constexpr,
):  # fmt: skip
    """Elements `at` of PARTS partials `stride` apart, plus those `column` of the bias; rounded to
    DTYPE as a matrix product's result is, and returned in float32."""
    x = tl.load(parts + at, mask=mask, other=0.0).to(tl.float32)
    for part in tl.static_range(1, PARTS):
        x += tl.load(parts + part * stride + at, mask=mask, other=0.0).to(tl.float32)
    if BIAS:
        x += tl.load(bias + column, mask=mask, other=0.0).to(tl.float32)
    return x.to(DTYPE).to(tl.float32)
