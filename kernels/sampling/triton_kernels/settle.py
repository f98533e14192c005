"""The end of the search for thresholds: the tokens left in a row's range are listed, then halved.

Also the mass that a filter keeps of each chunk, which a token is drawn from.
"""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.keys import key_of, value_of
from kernels.sampling.triton_kernels.narrow import CUTS, MOST, add_above, by_key, counted, narrowed
from kernels.sampling.triton_kernels.scan import read, weight_of

AT_ONCE = tl.constexpr(64)  # listed tokens of a chunk that are read together


@triton.jit(do_not_specialize=["chunks"])
def collect(
    logits, stride, banned, limits, ranges, listed, numbers, kept, vocabulary, chunks, scale,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. Leaves the chunk's logits in the row's range, listed
    [R, C, MOST] of their dtype, how many they are, numbers [R, C] int32 (beyond MOST they are only
    counted), and the mass above the range, kept [R, C]."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = row * chunks + chunk
    bottom = value_of(tl.load(ranges + row * 2), SHIFT)
    upper = value_of(tl.load(ranges + row * 2 + 1), SHIFT)
    _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
    weight = weight_of(x, tl.load(limits + row * 2), scale)
    tl.store(kept + at, tl.sum(tl.where(x > upper, weight, 0.0), 0))
    # Few tokens are inside: a word of bits says which of its neighbours are read again.
    WORD: tl.constexpr = 32 if CHUNK >= 32 else CHUNK
    inside = ((x > bottom) & (x <= upper)).to(tl.int32)
    inside = tl.reshape(inside, [CHUNK // WORD, WORD])
    number = tl.sum(inside, 1)
    word = tl.sum(inside << tl.arange(0, WORD)[None, :], 1)
    place = tl.cumsum(number, 0) - number
    first = chunk * CHUNK + tl.arange(0, CHUNK // WORD) * WORD
    tl.store(numbers + at, tl.sum(number, 0))
    for _ in range(tl.max(number, 0)):
        bit = word & -word
        index = ((bit.to(tl.float32).to(tl.int32, bitcast=True) >> 23) & 255) - 127
        here = word != 0
        value = tl.load(logits + row * stride + first + index, mask=here, other=0.0)
        tl.store(listed + at * MOST + place, value, mask=here & (place < MOST))
        word, place = word ^ bit, place + 1


@triton.jit
def listed_block(listed, number, row, start, chunks, CHUNKS: tl.constexpr):
    """Listed logits from a place on [CHUNKS, AT_ONCE], -inf beyond those that there are."""
    i = start + tl.arange(0, AT_ONCE)[None, :]
    at = (row * chunks + tl.arange(0, CHUNKS))[:, None]
    x = tl.load(listed + at * MOST + i, mask=i < number[:, None], other=-float("inf"))
    return x.to(tl.float32)


@triton.jit(do_not_specialize=["chunks"])
def settle(
    logits, stride, banned, limits, ranges, overs, listed, numbers, kept, vocabulary, chunks, scale,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, COUNT: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row. Leaves its range at one key and the mass above its low in kept [R, C]: by
    passes over what `collect` listed, or over the row where that is not all."""
    row = tl.program_id(0).to(tl.int64)
    top, limit = tl.load(limits + row * 2), tl.load(limits + row * 2 + 1)
    low, high = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1)
    beyond = tl.load(overs + row)  # what lies above the tokens that are listed
    over = beyond
    chunk, i = tl.arange(0, CHUNKS), tl.arange(0, CUTS)
    there = chunk < chunks
    at = kept + row * chunks
    number = tl.load(numbers + row * chunks + chunk, mask=there, other=0)
    most = tl.max(number, 0)
    first = listed_block(listed, number, row, 0, chunks, CHUNKS)  # most often all there is
    first_weight = counted(first, top, scale, COUNT)
    # Sums that are NaN narrow nothing; such a row has no distribution.
    while (high.to(tl.int64) - low > 1) & (limit == limit):
        keys = by_key(low, high, i)
        values = value_of(keys, SHIFT)
        above = tl.zeros([CUTS], tl.float32)
        if most <= MOST:
            above = add_above(above, first, first_weight, values, CUTS)
            for start in range(AT_ONCE, most, AT_ONCE):
                x = listed_block(listed, number, row, start, chunks, CHUNKS)
                above = add_above(above, x, counted(x, top, scale, COUNT), values, CUTS)
            above += beyond
        else:
            for c in range(chunks):
                _, x = read(logits, stride, banned, row, c * CHUNK, vocabulary, CHUNK, BANNED)
                above = add_above(above, x, counted(x, top, scale, COUNT), values, CUTS)
        low, high, over = narrowed(low, high, over, limit, keys, above)
    value = value_of(low, SHIFT)
    if most <= MOST:
        mass = tl.load(at + chunk, mask=there, other=0.0)
        mass += tl.sum(tl.where(first > value, weight_of(first, top, scale), 0.0), 1)
        for start in range(AT_ONCE, most, AT_ONCE):
            x = listed_block(listed, number, row, start, chunks, CHUNKS)
            mass += tl.sum(tl.where(x > value, weight_of(x, top, scale), 0.0), 1)
        tl.store(at + chunk, mass, mask=there)
    else:
        for c in range(chunks):
            _, x = read(logits, stride, banned, row, c * CHUNK, vocabulary, CHUNK, BANNED)
            tl.store(at + c, tl.sum(tl.where(x > value, weight_of(x, top, scale), 0.0), 0))
    tl.store(ranges + row * 2, low)


@triton.jit(do_not_specialize=["chunks"])
def keep(
    logits, stride, banned, ranges, limits, kept, vocabulary, chunks, scale, below,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row, for min-p. kept [R, C]: mass above the row's low and not less
    than `below` under the largest logit; that low goes to ranges[:, 1]."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    low, top = tl.load(ranges + row * 2), tl.load(limits + row * 2)
    key = key_of(top - below, SHIFT)
    # A value that the dtype has is kept itself.
    low = tl.maximum(low, tl.where(value_of(key, SHIFT) == top - below, key - 1, key))
    if chunk == 0:
        tl.store(ranges + row * 2 + 1, low)
    _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
    weight = tl.where(key_of(x, SHIFT) > low, weight_of(x, top, scale), 0.0)
    tl.store(kept + row * chunks + chunk, tl.sum(weight, 0))
