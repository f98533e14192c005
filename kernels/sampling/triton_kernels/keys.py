"""Logits as integers of the same order, so that thresholds between them are exact.

SHIFT: low bits of a float32 that are 0 in every value of the logits' own dtype.
"""

import triton
import triton.language as tl


@triton.jit
def key_of(x, SHIFT: tl.constexpr):
    """float32 -> int32 in the same order, both zeros the same."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> SHIFT


@triton.jit
def value_of(key, SHIFT: tl.constexpr):
    """The value of the logits' dtype that has a key."""
    bits = (key << SHIFT) | ((1 << SHIFT) - 1 if SHIFT else 0)
    bits = tl.where(key < 0, bits, key << SHIFT)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)


@triton.jit
def lowest_key(SHIFT: tl.constexpr):
    """A key below that of every finite value."""
    return key_of(tl.full([], -float("inf"), tl.float32), SHIFT)
