"""Thresholds of top-k and top-p: ranges of logits are narrowed, then counted key by key.

A token is kept where what lies strictly above it (tokens for top-k, mass for top-p) has not
reached the limit, so ties are kept together. In keys (`keys.py`): the threshold is the least key
above which less than the limit lies. Each row has a range (low, high] that holds it; a pass over
the logits cuts it into nine and keeps one of them. In 16 bits two passes leave few keys of nearly
every row; these are counted, since tokens of one key have one weight. What is left over (rows whose
range is wide still, float32) goes on being cut, a program a row.
"""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.keys import key_of, lowest_key, value_of
from kernels.sampling.triton_kernels.scan import read, row_sums, weight_of

CUTS = tl.constexpr(8)
BINS = tl.constexpr(4096)  # keys that are counted
BY_KEY, BY_VALUE, FROM_TOP = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)


@triton.jit
def cut(low, high, top, spread, i, HOW: tl.constexpr, SHIFT: tl.constexpr):
    """The i-th of eight keys between low and high. FROM_TOP: at distances from the largest logit
    that double, from half of `spread` on; else evenly, by value or by key."""
    if HOW == FROM_TOP:
        key = key_of(top - spread * 0.5 * tl.exp2(i.to(tl.float32)), SHIFT)
    elif HOW == BY_VALUE:
        floor = value_of(low, SHIFT)
        part = (i + 1).to(tl.float32) / 9.0
        key = key_of(floor + (value_of(high, SHIFT) - floor) * part, SHIFT)
    else:
        # In 64 bits: the keys of float32 span 32.
        step = (high.to(tl.int64) - low + CUTS) // (CUTS + 1)
        key = tl.minimum(low + step * (i + 1), high.to(tl.int64)).to(tl.int32)
    return tl.minimum(tl.maximum(key, low), high)


@triton.jit
def narrowed(low, high, over, limit, keys, above):
    """The range after a pass, and what lies above its high. keys: the pass's cuts [8]; above: what
    lies above each; over: above the old high."""
    fits = above < limit
    new_high = tl.min(tl.where(fits, tl.minimum(keys, high), high), 0)
    # What lies above a lower key is never less, so this is that of the new high.
    over = tl.maximum(over, tl.max(tl.where(fits, above, 0.0), 0))
    lower = (above >= limit) & (keys < new_high)
    return tl.max(tl.where(lower, tl.maximum(keys, low), low), 0), new_high, over


@triton.jit
def after_pass(ranges, overs, limit, cuts, before, row, chunks, CHUNKS: tl.constexpr):
    """A row's range and what lies above its high, by the sums that a pass left: cuts [R, 8], before
    [R, C, 8]."""
    low, high = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1)
    over = tl.load(overs + row)
    if high > low + 1:
        chunk, i = tl.arange(0, CHUNKS), tl.arange(0, CUTS)
        at = before + (row * chunks + chunk[:, None]) * CUTS + i[None, :]
        above = tl.sum(tl.load(at, mask=(chunk < chunks)[:, None], other=0.0), 0)  # [8]
        low, high, over = narrowed(low, high, over, limit, tl.load(cuts + row * CUTS + i), above)
    return low, high, over


@triton.jit(do_not_specialize=["chunks"])
def open_range(
    sums, ranges, overs, limits, kept, chunks, scale, limit, least,
    CHUNKS: tl.constexpr, COUNT: tl.constexpr, BOUNDED: tl.constexpr, AGAIN: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row's first range (ranges [R, 2] int32; overs [R], nothing) and limits [R, 2]
    float32: the largest logit, and `limit` tokens (COUNT) or that part of the row's mass. AGAIN: of
    the mass that an earlier filter kept (kept [R, C]), whose low stays. BOUNDED: logits that lie
    more than `least` below log(mass) have no part in the answer."""
    row = tl.program_id(0).to(tl.int64)
    top, total, _ = row_sums(sums, row, chunks, scale, CHUNKS, 2)
    low = lowest_key(SHIFT)
    if AGAIN:
        low = tl.load(ranges + row * 2)
        chunk = tl.arange(0, CHUNKS)
        total = tl.sum(tl.load(kept + row * chunks + chunk, mask=chunk < chunks, other=0.0), 0)
    elif BOUNDED:
        bound = tl.minimum(top + tl.log2(total) / scale - least, top)
        low = tl.maximum(low, key_of(bound, SHIFT) - 1)
    tl.store(ranges + row * 2, low)
    tl.store(ranges + row * 2 + 1, tl.maximum(key_of(top, SHIFT), low + 1))
    tl.store(overs + row, 0.0)
    tl.store(limits + row * 2, top)
    tl.store(limits + row * 2 + 1, limit if COUNT else limit * total)


@triton.jit
def counted(x, top, scale, COUNT: tl.constexpr):
    """What a token adds to the sums: one, or its weight."""
    if COUNT:
        return tl.where(x == -float("inf"), 0.0, 1.0)
    return weight_of(x, top, scale)


@triton.jit(do_not_specialize=["chunks"])
def narrow(
    logits, stride, banned, limits, ranges, overs, cuts, before, ranges_out, overs_out, cuts_out,
    after, vocabulary, chunks, scale, spread, few,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, COUNT: tl.constexpr,
    FIRST: tl.constexpr, HOW: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. Narrows the row's range by the last pass's sums (not where
    FIRST), then, where more than `few` keys are left, sums its chunk above each cut of it."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = row * chunks + chunk
    top, limit = tl.load(limits + row * 2), tl.load(limits + row * 2 + 1)
    if FIRST:
        low, high, over = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1), 0.0
    else:
        low, high, over = after_pass(ranges, overs, limit, cuts, before, row, chunks, CHUNKS)
    if chunk == 0:
        tl.store(ranges_out + row * 2, low)
        tl.store(ranges_out + row * 2 + 1, high)
        tl.store(overs_out + row, over)
    wide = high.to(tl.int64) - low > few
    if wide:
        _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
        key, weight = key_of(x, SHIFT), counted(x, top, scale, COUNT)
        for i in tl.static_range(CUTS):
            where = cut(low, high, top, spread, tl.full([], i, tl.int32), HOW, SHIFT)
            tl.store(after + at * CUTS + i, tl.sum(tl.where(key > where, weight, 0.0), 0))
            if chunk == 0:
                tl.store(cuts_out + row * CUTS + i, where)
    elif chunk == 0:  # the next pass finds what it knows: nothing above these cuts
        i = tl.arange(0, CUTS)
        tl.store(cuts_out + row * CUTS + i, tl.zeros([CUTS], tl.int32) + high)
    if not wide:
        i = tl.arange(0, CUTS)
        tl.store(after + at * CUTS + i, tl.zeros([CUTS], tl.float32))


@triton.jit(do_not_specialize=["chunks"])
def tally(
    logits, stride, banned, limits, ranges, overs, cuts, before, ranges_out, overs_out, counts,
    vocabulary, chunks,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. Narrows the row's range by the last pass's sums and counts the
    chunk's tokens of each key in it, counts [R, BINS] int32, where it has at most so many."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    limit = tl.load(limits + row * 2 + 1)
    low, high, over = after_pass(ranges, overs, limit, cuts, before, row, chunks, CHUNKS)
    if chunk == 0:
        tl.store(ranges_out + row * 2, low)
        tl.store(ranges_out + row * 2 + 1, high)
        tl.store(overs_out + row, over)
    keys = high.to(tl.int64) - low
    if (keys > 1) & (keys <= BINS):
        _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
        key = key_of(x, SHIFT)
        inside = (key > low) & (key <= high)
        # Whole numbers: their sum does not depend on the order.
        tl.atomic_add(counts + row * BINS + (key - low - 1), 1, mask=inside, sem="relaxed")


@triton.jit(do_not_specialize=["chunks"])
def settle(
    logits, stride, banned, limits, ranges, overs, counts, vocabulary, chunks, scale,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, COUNT: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row. Leaves its range at one key: by the counts of its keys, or by passes of
    its own where they were too many."""
    row = tl.program_id(0).to(tl.int64)
    top, limit = tl.load(limits + row * 2), tl.load(limits + row * 2 + 1)
    low, high = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1)
    over = tl.load(overs + row)
    # Sums that are NaN would narrow nothing; such a row has no distribution.
    if (high.to(tl.int64) - low > BINS) & (limit == limit):
        i = tl.arange(0, CUTS)
        while high.to(tl.int64) - low > 1:
            above = tl.zeros([CUTS], tl.float32)
            for chunk in range(chunks):
                _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
                key, weight = key_of(x, SHIFT), counted(x, top, scale, COUNT)
                for n in tl.static_range(CUTS):
                    where = cut(low, high, top, 0.0, tl.full([], n, tl.int32), BY_KEY, SHIFT)
                    part = tl.sum(tl.where(key > where, weight, 0.0), 0)
                    above = tl.where(i == n, above + part, above)
            keys = cut(low, high, top, 0.0, i, BY_KEY, SHIFT)
            low, high, over = narrowed(low, high, over, limit, keys, above)
    elif high > low + 1:
        i = tl.arange(0, BINS)
        key = low + 1 + i
        inside = key <= high
        x = value_of(tl.minimum(key, high), SHIFT)
        number = tl.load(counts + row * BINS + i, mask=inside, other=0).to(tl.float32)
        mass = tl.where(number > 0, number * counted(x, top, scale, COUNT), 0.0)
        above = over + tl.sum(mass, 0) - tl.cumsum(mass, 0)
        found = inside & ((above < limit) | (key == high))
        low = tl.min(tl.where(found, key, high), 0) - 1
    tl.store(ranges + row * 2, low)


@triton.jit(do_not_specialize=["chunks"])
def keep(
    logits, stride, banned, ranges, limits, kept, vocabulary, chunks, scale, below,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, MIN_P: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. kept [R, C]: mass above the row's low. With MIN_P not less
    than `below` under the largest logit either; that low goes to ranges[:, 1]."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    low, top = tl.load(ranges + row * 2), tl.load(limits + row * 2)
    if MIN_P:
        key = key_of(top - below, SHIFT)
        # A value that the dtype has is kept itself.
        low = tl.maximum(low, tl.where(value_of(key, SHIFT) == top - below, key - 1, key))
        if chunk == 0:
            tl.store(ranges + row * 2 + 1, low)
    _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
    weight = tl.where(key_of(x, SHIFT) > low, weight_of(x, top, scale), 0.0)
    tl.store(kept + row * chunks + chunk, tl.sum(weight, 0))
