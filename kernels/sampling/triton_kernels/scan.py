"""The first pass over the logits: largest value and sums of exp of each chunk of a row.

Sums are within a chunk of a fixed size and then over a row's chunks, so that their rounding does
not depend on how many rows there are.
"""

import triton
import triton.language as tl


@triton.jit
def read(logits, stride, banned, row, start, vocabulary, SIZE: tl.constexpr, BANNED: tl.constexpr):
    """Logits from a token on, as they are and with -inf for banned tokens: [SIZE] float32."""
    column = start + tl.arange(0, SIZE)
    inside = column < vocabulary
    raw = tl.load(logits + row * stride + column, mask=inside, other=-float("inf"))
    raw = raw.to(tl.float32)
    x = raw
    if BANNED:
        gone = tl.load(banned + column, mask=inside, other=1) != 0
        x = tl.where(gone, -float("inf"), raw)
    return raw, x


@triton.jit
def weight_of(x, largest, scale):
    """exp((x - largest) / temperature), NaN where nothing is finite.

    scale: log2(e) / temperature."""
    return tl.exp2((x - largest) * scale)


@triton.jit
def mass_under(x, largest, scale):
    """Sum of the weights, 0 where nothing is finite."""
    weight = tl.where(x == -float("inf"), 0.0, weight_of(x, largest, scale))
    return tl.sum(weight, 0)


@triton.jit(do_not_specialize=["chunks"])
def scan_chunks(
    logits, stride, banned, sums, best, vocabulary, chunks, scale,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, GREEDY: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. sums: [R, C, 4] float32, largest logit and sum of exp under
    it, of all tokens, and of those not banned at the temperature (NaN: some logit is); best:
    [R, C] int32, first token of the largest that is not banned, where GREEDY."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    raw, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
    raw_max = tl.max(raw, 0)
    x_max = raw_max
    if BANNED:
        x_max = tl.max(x, 0)
    at = row * chunks + chunk
    tl.store(sums + at * 4, raw_max)
    # NaN comes through the sum, since tl.max may pass over it.
    tl.store(sums + at * 4 + 1, mass_under(raw, raw_max, 1.4426950408889634))
    tl.store(sums + at * 4 + 2, x_max)
    tl.store(sums + at * 4 + 3, mass_under(x, x_max, scale))
    if GREEDY:
        column = chunk * CHUNK + tl.arange(0, CHUNK)
        tl.store(best + at, tl.min(tl.where(x == x_max, column, 2147483647), 0))


@triton.jit
def row_sums(sums, row, chunks, scale, CHUNKS: tl.constexpr, PART: tl.constexpr):
    """Largest value and sum of exp under it of a row, and the chunks' part of that sum."""
    chunk = tl.arange(0, CHUNKS)
    there = chunk < chunks
    at = sums + (row * chunks + chunk) * 4 + PART
    largest = tl.load(at, mask=there, other=-float("inf"))
    part = tl.load(at + 1, mask=there, other=0.0)
    top = tl.max(largest, 0)
    # A NaN in a part stays one: 0 * NaN.
    part = part * tl.where(largest == -float("inf"), 0.0, weight_of(largest, top, scale))
    return top, tl.sum(part, 0), part
