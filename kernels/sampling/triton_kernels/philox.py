"""Philox4x32-10 (Salmon et al., SC 2011), the first of its four words."""

import triton
import triton.language as tl


@triton.jit
def uniform(streams, row, position):
    """streams: [S, 4] int64 words; a float64 in (0, 1) at a token position, of 32 bits."""
    at = streams + row * 4
    k0 = tl.load(at).to(tl.uint32)
    k1 = tl.load(at + 1).to(tl.uint32)
    c2 = tl.load(at + 2).to(tl.uint32)
    c3 = tl.load(at + 3).to(tl.uint32)
    c0 = position.to(tl.uint32)
    c1 = c0 * 0
    for _ in tl.static_range(10):
        # Products in 64 bits: they wrap nowhere.
        p0 = c0.to(tl.uint64) * 0xD2511F53
        p1 = c2.to(tl.uint64) * 0xCD9E8D57
        c0 = (p1 >> 32).to(tl.uint32) ^ c1 ^ k0
        c1 = (p1 & 0xFFFFFFFF).to(tl.uint32)
        c2 = (p0 >> 32).to(tl.uint32) ^ c3 ^ k1
        c3 = (p0 & 0xFFFFFFFF).to(tl.uint32)
        k0 = ((k0.to(tl.uint64) + 0x9E3779B9) & 0xFFFFFFFF).to(tl.uint32)
        k1 = ((k1.to(tl.uint64) + 0xBB67AE85) & 0xFFFFFFFF).to(tl.uint32)
    return (c0.to(tl.float64) + 0.5) * 2.3283064365386963e-10
