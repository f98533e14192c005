"""Thresholds of top-k and top-p, by narrowing ranges of logits; a pass reads the logits once.

A token is kept where what lies strictly above it (tokens for top-k, mass for top-p) has not
reached the limit, so ties are kept together. In keys (`keys.py`): the threshold is the least key
above which less than the limit lies. Each row has a range (low, high] that holds it; every pass
cuts it into nine and keeps one of them, and a pass does nothing for rows whose range is one key.
"""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.keys import key_of, lowest_key, value_of
from kernels.sampling.triton_kernels.scan import read, row_sums, weight_of

CUTS = tl.constexpr(8)
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
def narrowed(low, high, limit, cuts, before, row, chunks, CHUNKS: tl.constexpr):
    """The range after a pass that left its cuts [R, 8] and what lies above them in before
    [R, C, 8], and which of the cuts the new low is (8: none)."""
    chunk, i = tl.arange(0, CHUNKS), tl.arange(0, CUTS)
    at = before + (row * chunks + chunk[:, None]) * CUTS + i[None, :]
    above = tl.sum(tl.load(at, mask=(chunk < chunks)[:, None], other=0.0), 0)  # [8]
    keys = tl.load(cuts + row * CUTS + i)
    high = tl.min(tl.where(above < limit, tl.minimum(keys, high), high), 0)
    lower = (above >= limit) & (keys < high)
    new_low = tl.max(tl.where(lower, tl.maximum(keys, low), low), 0)
    which = tl.min(tl.where(lower & (keys == new_low), i, CUTS), 0)
    return new_low, high, which


@triton.jit(do_not_specialize=["chunks"])
def open_range(
    sums, ranges, limits, kept, chunks, scale, limit, least,
    CHUNKS: tl.constexpr, COUNT: tl.constexpr, BOUNDED: tl.constexpr, AGAIN: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row's first range (ranges [R, 2] int32) and limits [R, 2] float32: the
    largest logit, and `limit` tokens (COUNT) or that part of the row's mass. AGAIN: of the mass
    that an earlier filter kept (kept [R, C]), whose low stays. BOUNDED: logits that lie more than
    `least` below log(mass) have no part in the answer."""
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
    tl.store(limits + row * 2, top)
    tl.store(limits + row * 2 + 1, limit if COUNT else limit * total)


@triton.jit(do_not_specialize=["chunks"])
def narrow(
    logits, stride, banned, limits, ranges, cuts, before, ranges_out, cuts_out, after, kept,
    vocabulary, chunks, scale, spread,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, COUNT: tl.constexpr,
    FIRST: tl.constexpr, WHOLE: tl.constexpr, LAST: tl.constexpr, HOW: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. Narrows the row's range by the last pass's sums (not where
    FIRST), then sums its chunk above each cut of that range (not where LAST). kept [R, C]: mass
    above low, followed where the sums are masses. WHOLE: it is not known yet."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    at = row * chunks + chunk
    low, high = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1)
    top, limit = tl.load(limits + row * 2), tl.load(limits + row * 2 + 1)
    if not FIRST:
        if high > low + 1:
            low, high, which = narrowed(low, high, limit, cuts, before, row, chunks, CHUNKS)
            if not COUNT:
                if which < CUTS:
                    tl.store(kept + at, tl.load(before + at * CUTS + which))
    if chunk == 0:
        tl.store(ranges_out + row * 2, low)
        tl.store(ranges_out + row * 2 + 1, high)
    if not LAST:
        if WHOLE or high > low + 1:
            _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
            key = key_of(x, SHIFT)
            if COUNT:
                weight = tl.where(x == -float("inf"), 0.0, 1.0)
            else:
                weight = weight_of(x, top, scale)
            if WHOLE:
                tl.store(kept + at, tl.sum(tl.where(key > low, weight, 0.0), 0))
            for i in tl.static_range(CUTS):
                where = cut(low, high, top, spread, tl.full([], i, tl.int32), HOW, SHIFT)
                tl.store(after + at * CUTS + i, tl.sum(tl.where(key > where, weight, 0.0), 0))
                if chunk == 0:
                    tl.store(cuts_out + row * CUTS + i, where)


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
