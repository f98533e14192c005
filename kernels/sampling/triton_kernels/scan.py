"""Two passes over the logits: sums of each chunk, then the tokens that a filter may keep."""

import triton
import triton.language as tl


@triton.jit
def scaled(x, banned, column, inside, temperature, BANNED: tl.constexpr):
    """The logits that tokens are drawn by: banned ones -inf, the others over the temperature."""
    if BANNED:
        gone = tl.load(banned + column, mask=inside, other=1) != 0
        x = tl.where(gone, -float("inf"), x)
    return tl.div_rn(x, temperature)


@triton.jit
def exp_from(x, largest):
    """exp(x - largest), 0 where nothing is finite."""
    return tl.where(x == -float("inf"), 0.0, tl.exp(x - largest))


@triton.jit(do_not_specialize=["vocabulary", "chunks"])
def scan_chunks(
    logits, stride, banned, sums, best, vocabulary, chunks, temperature,
    CHUNK: tl.constexpr, BLOCK: tl.constexpr, BANNED: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. sums: [R, C, 4] float32, largest logit and sum of exp under
    it, raw and scaled (NaN: some logit is); best: [R, C] int32, first token of the largest scaled.
    """
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    raw_max = -float("inf")
    raw_sum = 0.0
    x_max = -float("inf")
    x_sum = 0.0
    token = 0
    for start in range(0, CHUNK, BLOCK):
        column = chunk * CHUNK + start + tl.arange(0, BLOCK)
        inside = column < vocabulary
        raw = tl.load(logits + row * stride + column, mask=inside, other=-float("inf"))
        raw = raw.to(tl.float32)
        x = scaled(raw, banned, column, inside, temperature, BANNED)
        above = tl.maximum(raw_max, tl.max(raw, 0))
        # NaN comes through the sum, since tl.max may pass over it.
        raw_sum = raw_sum * exp_from(raw_max, above) + tl.sum(exp_from(raw, above), 0)
        raw_max = above
        largest = tl.max(x, 0)
        first = tl.min(tl.where(x == largest, column, 2147483647), 0)
        token = tl.where(largest > x_max, first, token)
        above = tl.maximum(x_max, largest)
        x_sum = x_sum * exp_from(x_max, above) + tl.sum(exp_from(x, above), 0)
        x_max = above
    at = row * chunks + chunk
    tl.store(sums + at * 4, raw_max)
    tl.store(sums + at * 4 + 1, raw_sum)
    tl.store(sums + at * 4 + 2, x_max)
    tl.store(sums + at * 4 + 3, x_sum)
    tl.store(best + at, token)


@triton.jit
def row_sums(sums, row, chunks, CHUNKS: tl.constexpr, PART: tl.constexpr):
    """Largest value and sum of exp under it of a row, and the chunks' part of that sum."""
    chunk = tl.arange(0, CHUNKS)
    there = chunk < chunks
    at = sums + (row * chunks + chunk) * 4 + PART
    largest = tl.load(at, mask=there, other=-float("inf"))
    part = tl.load(at + 1, mask=there, other=0.0)
    top = tl.max(largest, 0)
    # A NaN in a part stays one: 0 * NaN.
    part = part * exp_from(largest, top)
    return top, tl.sum(part, 0), part


@triton.jit(do_not_specialize=["vocabulary", "chunks"])
def collect(
    logits, stride, banned, sums, values, tokens, counts, vocabulary, chunks, temperature, least,
    log_min_p, CHUNK: tl.constexpr, BLOCK: tl.constexpr, CHUNKS: tl.constexpr,
    BANNED: tl.constexpr, TOP_P: tl.constexpr, MIN_P: tl.constexpr, TOP_K: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row. Appends its tokens that a filter may keep to the row's list,
    values and tokens [R, V], counts [R] (0 before). least: natural log of the probability below
    which all tokens together are less than what top-p leaves away."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    top, total, _ = row_sums(sums, row, chunks, CHUNKS, 2)
    bound = -float("inf")
    # After top-k the mass is another, so that only min-p bounds what can be kept.
    if TOP_P and not TOP_K:
        bound = top + tl.log(total) + least
        bound = tl.minimum(bound, top)
    # With others, min-p comes last: what it removes still counts in their masses.
    if MIN_P and not TOP_P and not TOP_K:
        bound = top + log_min_p
    for start in range(0, CHUNK, BLOCK):
        column = chunk * CHUNK + start + tl.arange(0, BLOCK)
        inside = column < vocabulary
        raw = tl.load(logits + row * stride + column, mask=inside, other=-float("inf"))
        x = scaled(raw.to(tl.float32), banned, column, inside, temperature, BANNED)
        wanted = (x >= bound) & (x > -float("inf")) & inside
        number = wanted.to(tl.int32)
        found = tl.sum(number, 0)
        if found > 0:
            base = tl.atomic_add(counts + row, found, sem="relaxed")
            to = row * vocabulary + base + tl.cumsum(number, 0) - 1
            tl.store(values + to, x, mask=wanted)
            tl.store(tokens + to, column, mask=wanted)
