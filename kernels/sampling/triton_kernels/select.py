"""Thresholds of the filters and the inverse CDF, by narrowing ranges over a row's list.

A value is kept where what lies strictly above it (tokens for top-k, mass for top-p) has not
reached the limit, so ties are kept together. Ranges are narrowed 16-fold a pass, over the order of
float32's bits for values, so that thresholds are exact, and over the tokens' ids for the draw.
"""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.philox import uniform
from kernels.sampling.triton_kernels.scan import exp_from, row_sums, scaled

WAYS = tl.constexpr(16)


@triton.jit
def key_of(x):
    """int64 in the order of float32, both zeros the same."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)


@triton.jit
def mass_above(values, count, limits, floor, top, COUNT: tl.constexpr, BLOCK: tl.constexpr):
    """[16] float64: tokens (COUNT) or mass of values whose keys are floor or more and above each
    limit."""
    mass = tl.zeros([16], tl.float64)
    for start in range(0, count, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(values + at, mask=at < count, other=-float("inf"))
        key = key_of(x)
        weight = exp_from(x, top)
        if COUNT:
            weight = tl.where(x == -float("inf"), 0.0, 1.0)
        weight = tl.where(key >= floor, weight, 0.0)
        part = tl.where(key[None, :] > limits[:, None], weight[None, :], 0.0)
        mass += tl.sum(part, 1).to(tl.float64)
    return mass


@triton.jit
def lowest_kept(values, count, limit, floor, top, COUNT: tl.constexpr, BLOCK: tl.constexpr):
    """The least key above which less than `limit` lies."""
    low = floor - 1  # the answer is above it
    high = key_of(top)  # or this
    while high - low > 1:
        step = (high - low + WAYS - 1) // WAYS
        limits = tl.minimum(low + step * (tl.arange(0, 16) + 1).to(tl.int64), high)
        mass = mass_above(values, count, limits, floor, top, COUNT, BLOCK)
        below = mass < limit  # of the largest, always
        high = tl.min(tl.where(below, limits, high), 0)
        low = tl.max(tl.where(limits < high, limits, low), 0)
    return high


@triton.jit
def mass_up_to(values, tokens, count, limits, floor, top, BLOCK: tl.constexpr):
    """[16] float64: mass of kept values whose tokens are at most each limit."""
    mass = tl.zeros([16], tl.float64)
    for start in range(0, count, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(values + at, mask=at < count, other=-float("inf"))
        token = tl.load(tokens + at, mask=at < count, other=2147483647)
        weight = tl.where(key_of(x) >= floor, exp_from(x, top), 0.0)
        part = tl.where(token[None, :] <= limits[:, None], weight[None, :], 0.0)
        mass += tl.sum(part, 1).to(tl.float64)
    return mass


@triton.jit
def draw_listed(
    values, tokens, count, vocabulary, top, u, top_k, top_p, log_min_p,
    TOP_K: tl.constexpr, TOP_P: tl.constexpr, MIN_P: tl.constexpr, BLOCK: tl.constexpr,
    total,
):  # fmt: skip
    """Token and log of the kept mass under `top`. total: mass of the whole row."""
    floor = key_of(top * 0.0 - 3.4028234663852886e38)
    everywhere = tl.zeros([16], tl.int64) - 4294967296
    mass = total.to(tl.float64)
    if TOP_K:
        floor = lowest_kept(values, count, top_k, floor, top, True, BLOCK)
        kept = mass_above(values, count, everywhere, floor, top, False, BLOCK)
        mass = tl.max(kept, 0)
    if TOP_P:
        floor = lowest_kept(values, count, top_p * mass, floor, top, False, BLOCK)
    if MIN_P:
        floor = tl.maximum(floor, key_of(top + log_min_p))
    last = tl.zeros([16], tl.int64) + vocabulary
    mass = tl.max(mass_up_to(values, tokens, count, last, floor, top, BLOCK), 0)
    target = u * mass
    low = tl.zeros([], tl.int64) - 1
    high = low + vocabulary
    while high - low > 1:
        step = (high - low + WAYS - 1) // WAYS
        limits = tl.minimum(low + step * (tl.arange(0, 16) + 1).to(tl.int64), high)
        reached = mass_up_to(values, tokens, count, limits, floor, top, BLOCK) > target
        high = tl.min(tl.where(reached, limits, high), 0)
        low = tl.max(tl.where(limits < high, limits, low), 0)
    return high, tl.log(mass.to(tl.float32))


@triton.jit
def draw_all(
    logits, banned, part, vocabulary, temperature, top, u,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Token drawn from all of a row. part: [CHUNKS] the chunks' masses under `top`."""
    chunk = tl.arange(0, CHUNKS)
    up_to = tl.cumsum(part.to(tl.float64), 0)
    target = u * tl.max(up_to, 0)
    chosen = tl.min(tl.where(up_to > target, chunk, CHUNKS), 0)
    mass = tl.sum(tl.where(chunk == chosen - 1, up_to, 0.0), 0)
    token = tl.zeros([], tl.int32) + 2147483647
    last = tl.zeros([], tl.int32)
    for start in range(0, CHUNK, BLOCK):
        column = chosen * CHUNK + start + tl.arange(0, BLOCK)
        inside = column < vocabulary
        raw = tl.load(logits + column, mask=inside, other=-float("inf")).to(tl.float32)
        weight = exp_from(scaled(raw, banned, column, inside, temperature, BANNED), top)
        reached = (mass + tl.cumsum(weight.to(tl.float64), 0) > target) & (weight > 0)
        token = tl.minimum(token, tl.min(tl.where(reached, column, 2147483647), 0))
        last = tl.maximum(last, tl.max(tl.where(weight > 0, column, 0), 0))
        mass += tl.sum(weight.to(tl.float64), 0)
    # Two ways to sum a chunk differ in the last bit: its last token stands for what lies between.
    return tl.where(token == 2147483647, last, token).to(tl.int64)


@triton.jit(do_not_specialize=["vocabulary", "chunks", "row_of", "real", "eos", "top_k"])
def draw_rows(
    logits, stride, banned, sums, best, values, tokens, counts, vocabulary, chunks, temperature,
    top_k, top_p, log_min_p, rows, streams, positions, drawn, raw_out, processed_out, eos,
    CHUNK: tl.constexpr, CHUNKS: tl.constexpr, BANNED: tl.constexpr, BLOCK: tl.constexpr,
    TOP_K: tl.constexpr, TOP_P: tl.constexpr, MIN_P: tl.constexpr, GREEDY: tl.constexpr,
):  # fmt: skip
    """One program: the token of a row, and its log-probabilities; positions: [S]; rows: [R]."""
    row = tl.program_id(0).to(tl.int64)
    at = tl.load(rows + row)
    raw_top, raw_sum, _ = row_sums(sums, row, chunks, CHUNKS, 0)
    top, total, part = row_sums(sums, row, chunks, CHUNKS, 2)
    finite = (top > -float("inf")) & (raw_top < float("inf")) & (raw_sum == raw_sum)
    finite = finite & (total == total)
    token = tl.zeros([], tl.int64) + eos
    raw = tl.zeros([], tl.float32) + float("nan")
    processed = raw
    if finite:
        if GREEDY:
            chunk = tl.arange(0, CHUNKS)
            there = chunk < chunks
            x = tl.load(sums + (row * chunks + chunk) * 4 + 2, mask=there, other=-float("inf"))
            first = tl.load(best + row * chunks + chunk, mask=there, other=2147483647)
            token = tl.min(tl.where(x == top, first, 2147483647), 0).to(tl.int64)
            processed = raw_sum * 0.0
        else:
            u = uniform(streams, at, tl.load(positions + at))
            if TOP_K or TOP_P or MIN_P:
                token, mass = draw_listed(
                    values + row * vocabulary, tokens + row * vocabulary, tl.load(counts + row),
                    vocabulary, top, u, top_k, top_p, log_min_p, TOP_K, TOP_P, MIN_P, BLOCK, total,
                )  # fmt: skip
            else:
                token = draw_all(
                    logits + row * stride, banned, part, vocabulary, temperature, top, u, CHUNK,
                    CHUNKS, BANNED, BLOCK,
                )  # fmt: skip
                mass = tl.log(total)
            x = tl.load(logits + row * stride + token).to(tl.float32)
            processed = tl.div_rn(x, temperature) - top - mass
        raw = tl.load(logits + row * stride + token).to(tl.float32) - raw_top - tl.log(raw_sum)
    tl.store(drawn + row, token)
    tl.store(raw_out + row, raw)
    tl.store(processed_out + row, processed)
