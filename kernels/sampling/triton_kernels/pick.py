"""The token of a row, by the inverse CDF of what its filters kept, and its log-probabilities."""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.keys import key_of
from kernels.sampling.triton_kernels.philox import uniform
from kernels.sampling.triton_kernels.scan import read, row_sums, weight_of


@triton.jit
def first_above(
    logits, stride, banned, row, part, low, top, u, vocabulary, scale,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, FILTERED: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """Token at which the mass of those before it and its own exceeds u of all, and that mass.
    part: [CHUNKS] kept mass of each chunk."""
    chunk = tl.arange(0, CHUNKS)
    up_to = tl.cumsum(part.to(tl.float64), 0)
    total = tl.max(up_to, 0)
    target = u * total
    chosen = tl.min(tl.where(up_to > target, chunk, CHUNKS - 1), 0)
    before = tl.sum(tl.where(chunk == chosen - 1, up_to, 0.0), 0)
    start = chosen * CHUNK
    _, x = read(logits, stride, banned, row, start, vocabulary, CHUNK, BANNED)
    weight = weight_of(x, top, scale)
    if FILTERED:
        weight = tl.where(key_of(x, SHIFT) > low, weight, 0.0)
    column = start + tl.arange(0, CHUNK)
    reached = (before + tl.cumsum(weight.to(tl.float64), 0) > target) & (weight > 0)
    token = tl.min(tl.where(reached, column, 2147483647), 0)
    # Two ways to sum a chunk differ in the last bit: its last token stands for what lies between.
    last = tl.max(tl.where(weight > 0, column, 0), 0)
    return tl.where(token == 2147483647, last, token).to(tl.int64), total.to(tl.float32)


@triton.jit(do_not_specialize=["chunks", "eos"])
def pick(
    logits, stride, banned, sums, best, ranges, kept, vocabulary, chunks, temperature, scale,
    rows, streams, positions, tokens, raw_out, processed_out, eos,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, FILTERED: tl.constexpr,
    LOW: tl.constexpr, GREEDY: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row. ranges [R, 2] holds what it keeps nothing up to at LOW; kept [R, C];
    rows [R]: which of streams [S, 4] and positions [S] are its."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.load(rows + row)
    raw_top, raw_sum, _ = row_sums(sums, row, chunks, 1.4426950408889634, CHUNKS, 0)
    top, total, part = row_sums(sums, row, chunks, scale, CHUNKS, 2)
    finite = (top > -float("inf")) & (raw_top < float("inf")) & (raw_sum == raw_sum)
    finite = finite & (total == total)
    token = tl.zeros([], tl.int64) + eos
    raw = tl.zeros([], tl.float32) + float("nan")
    processed = raw
    if finite:
        chunk = tl.arange(0, CHUNKS)
        there = chunk < chunks
        if GREEDY:
            x = tl.load(sums + (row * chunks + chunk) * 4 + 2, mask=there, other=-float("inf"))
            first = tl.load(best + row * chunks + chunk, mask=there, other=2147483647)
            token = tl.min(tl.where(x == top, first, 2147483647), 0).to(tl.int64)
            processed = raw_sum * 0.0
        else:
            u = uniform(streams, at, tl.load(positions + at))
            low = 0
            if FILTERED:
                low = tl.load(ranges + row * 2 + LOW)
                part = tl.load(kept + row * chunks + chunk, mask=there, other=0.0)
            token, mass = first_above(
                logits, stride, banned, row, part, low, top, u, vocabulary, scale, CHUNK, CHUNKS,
                BANNED, FILTERED, SHIFT,
            )  # fmt: skip
            x = tl.load(logits + row * stride + token).to(tl.float32)
            processed = tl.div_rn(x, temperature) - tl.div_rn(top, temperature) - tl.log(mass)
        raw = tl.load(logits + row * stride + token).to(tl.float32) - raw_top - tl.log(raw_sum)
    tl.store(tokens + row, token)
    tl.store(raw_out + row, raw)
    tl.store(processed_out + row, processed)
