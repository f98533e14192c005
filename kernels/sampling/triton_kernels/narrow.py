"""Thresholds of top-k and top-p: ranges of logits are narrowed until few tokens are in them.

A token is kept where what lies strictly above it (tokens for top-k, mass for top-p) has not
reached the limit, so ties are kept together. In keys (`keys.py`): the threshold is the least key
above which less than the limit lies. Each row has a range (low, high] that holds it; a pass over
the logits cuts it at a few keys, and `review` keeps one of the parts. The first cuts of top-p lie
around a guess. A second pass cuts the rows that have too many tokens left; what is left then is
listed and settled (`settle.py`).
"""

import triton
import triton.language as tl

from kernels.sampling.triton_kernels.keys import key_of, lowest_key, value_of
from kernels.sampling.triton_kernels.scan import read, row_sums, weight_of

CUTS = tl.constexpr(8)
MOST = tl.constexpr(256)  # tokens of a chunk that are listed
BY_VALUE, FROM_TOP, AROUND_GUESS = tl.constexpr(0), tl.constexpr(1), tl.constexpr(2)
AROUND_USED = tl.constexpr(4)  # cuts around a guess
RUN = tl.constexpr(16)  # tokens next to each other that a guess reads
HALVINGS = tl.constexpr(9)  # of the range of logits, in search of a guess


@triton.jit
def counted(x, top, scale, COUNT: tl.constexpr):
    """What a token adds to the sums: one, or its weight."""
    if COUNT:
        return tl.where(x == -float("inf"), 0.0, 1.0)
    return weight_of(x, top, scale)


@triton.jit
def by_key(low, high, i):
    """The i-th of eight keys between two, evenly; in 64 bits, for the keys of float32 span 32."""
    step = (high.to(tl.int64) - low + CUTS) // (CUTS + 1)
    return tl.minimum(low + step * (i + 1), high.to(tl.int64)).to(tl.int32)


@triton.jit
def by_value(low, high, i, SHIFT: tl.constexpr):
    """As `by_key`, at even distances of the values."""
    floor = value_of(low, SHIFT)
    part = (i + 1).to(tl.float32) / (CUTS + 1)
    key = key_of(floor + (value_of(high, SHIFT) - floor) * part, SHIFT)
    key = tl.where(floor == -float("inf"), by_key(low, high, i), key)
    return tl.minimum(tl.maximum(key, low), high)


@triton.jit
def add_above(above, x, weight, values, USED: tl.constexpr):
    """above [8] and the weight of tokens above each of values [8], the first USED of them."""
    i = tl.arange(0, CUTS)
    for n in tl.static_range(USED):
        value = tl.sum(tl.where(i == n, values, 0.0), 0)
        above = tl.where(i == n, above + tl.sum(tl.where(x > value, weight, 0.0)), above)
    return above


@triton.jit
def guessed(
    logits, stride, banned, row, low, high, top, part, vocabulary, step, scale,
    SAMPLE: tl.constexpr, BANNED: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """Where `part` of a row's mass lies above, by SAMPLE of its tokens: RUN of every `step`."""
    i = tl.arange(0, SAMPLE)
    column = i // RUN * step + i % RUN
    inside = column < vocabulary
    x = tl.load(logits + row * stride + column, mask=inside, other=-float("inf")).to(tl.float32)
    if BANNED:
        x = tl.where(tl.load(banned + column, mask=inside, other=1) != 0, -float("inf"), x)
    weight = tl.where(x > -float("inf"), weight_of(x, top, scale), 0.0)
    limit = part * tl.sum(weight, 0)
    bottom, upper = value_of(low, SHIFT), value_of(high, SHIFT)
    for _ in range(HALVINGS):
        middle = bottom + (upper - bottom) * 0.5
        fits = tl.sum(tl.where(x > middle, weight, 0.0), 0) < limit
        bottom, upper = tl.where(fits, bottom, middle), tl.where(fits, middle, upper)
    return upper


@triton.jit(do_not_specialize=["chunks"])
def open_range(
    logits, stride, banned, sums, ranges, overs, limits, cuts, wide, kept, vocabulary, chunks,
    scale, limit, least, spread, step,
    CHUNKS: tl.constexpr, COUNT: tl.constexpr, HOW: tl.constexpr, AGAIN: tl.constexpr,
    SAMPLE: tl.constexpr, BANNED: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row's first range (ranges [R, 2] int32; overs [R], nothing), cuts [R, 8],
    wide [R] int32, whether there is anything to cut, and limits [R, 2] float32: the largest logit,
    and `limit` tokens (COUNT) or that part of the row's mass.

    AGAIN: of the mass that an earlier filter kept (kept [R, C]), whose low stays. HOW the cuts lie:
    FROM_TOP at distances from the largest logit that double, from half of `spread` on;
    AROUND_GUESS at two on each side, one sixteen times the other, and logits more than `least`
    below log(mass) have no part in the answer.
    """
    row = tl.program_id(0).to(tl.int64)
    top, total, _ = row_sums(sums, row, chunks, scale, CHUNKS, 2)
    low = lowest_key(SHIFT)
    if AGAIN:
        low = tl.load(ranges + row * 2)
        chunk = tl.arange(0, CHUNKS)
        total = tl.sum(tl.load(kept + row * chunks + chunk, mask=chunk < chunks, other=0.0), 0)
    elif HOW == AROUND_GUESS:
        bound = tl.minimum(top + tl.log2(total) / scale - least, top)
        low = tl.maximum(low, key_of(bound, SHIFT) - 1)
    high = tl.maximum(key_of(top, SHIFT), low + 1)
    i = tl.arange(0, CUTS)
    if HOW == FROM_TOP:
        keys = key_of(top - spread * 0.5 * tl.exp2(i.to(tl.float32)), SHIFT)
    elif HOW == AROUND_GUESS:
        guess = guessed(
            logits, stride, banned, row, low, high, top, limit, vocabulary, step, scale, SAMPLE,
            BANNED, SHIFT,
        )  # fmt: skip
        away = (value_of(high, SHIFT) - value_of(low, SHIFT)) * tl.exp2((i // 2 * 4 - 7) * 1.0)
        keys = key_of(guess + tl.where(i % 2 == 0, away, -away), SHIFT)
        keys = tl.where(i < AROUND_USED, keys, high)
    else:
        keys = by_value(low, high, i, SHIFT)
    tl.store(cuts + row * CUTS + i, tl.minimum(tl.maximum(keys, low), high))
    tl.store(wide + row, (high > low + 1).to(tl.int32))
    tl.store(ranges + row * 2, low)
    tl.store(ranges + row * 2 + 1, high)
    tl.store(overs + row, 0.0)
    tl.store(limits + row * 2, top)
    tl.store(limits + row * 2 + 1, limit if COUNT else limit * total)


@triton.jit
def narrowed(low, high, over, limit, keys, above):
    """The range after a pass, and what lies above its high. keys: the pass's cuts; above: what
    lies above each; over: above the old high."""
    fits = above < limit
    new_high = tl.min(tl.where(fits, tl.minimum(keys, high), high), 0)
    # What lies above a lower key is never less, so this is that of the new high.
    over = tl.maximum(over, tl.max(tl.where(fits, above, 0.0), 0))
    lower = (above >= limit) & (keys < new_high)
    return tl.max(tl.where(lower, tl.maximum(keys, low), low), 0), new_high, over


@triton.jit(do_not_specialize=["chunks"])
def narrow(
    logits, stride, banned, limits, ranges, cuts, wide, after, numbers, vocabulary, chunks, scale,
    CHUNK: tl.constexpr, BANNED: tl.constexpr, COUNT: tl.constexpr, USED: tl.constexpr,
    SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a chunk of a row that is wide. Sums it above each cut, after [R, C, 8], and
    counts its tokens in the range, numbers [R, C] int32. USED: cuts below the range's high."""
    row, chunk = tl.program_id(0).to(tl.int64), tl.program_id(1)
    if tl.load(wide + row) != 0:
        at, i = row * chunks + chunk, tl.arange(0, CUTS)
        values = value_of(tl.load(cuts + row * CUTS + i), SHIFT)
        bottom = value_of(tl.load(ranges + row * 2), SHIFT)
        upper = value_of(tl.load(ranges + row * 2 + 1), SHIFT)
        top = tl.load(limits + row * 2)
        _, x = read(logits, stride, banned, row, chunk * CHUNK, vocabulary, CHUNK, BANNED)
        weight = counted(x, top, scale, COUNT)
        above = add_above(tl.zeros([CUTS], tl.float32), x, weight, values, USED)
        number = tl.sum(((x > bottom) & (x <= upper)).to(tl.int32), 0)
        tl.store(after + at * CUTS + i, above)
        tl.store(numbers + at, number)


@triton.jit(do_not_specialize=["chunks"])
def review(
    limits, ranges, overs, cuts, wide, sums, numbers, chunks, scale,
    CHUNKS: tl.constexpr, COUNT: tl.constexpr, SHIFT: tl.constexpr,
):  # fmt: skip
    """One program: a row that was wide. Its range after a pass that left sums [R, C, 8] and numbers
    [R, C]; whether more tokens of a chunk may be in it than are listed, and cuts if so."""
    row = tl.program_id(0).to(tl.int64)
    if tl.load(wide + row) != 0:
        low, high = tl.load(ranges + row * 2), tl.load(ranges + row * 2 + 1)
        top, limit = tl.load(limits + row * 2), tl.load(limits + row * 2 + 1)
        c, i = tl.arange(0, CHUNKS), tl.arange(0, CUTS)
        there = c < chunks
        at = row * chunks + c
        above = tl.load(sums + at[:, None] * CUTS + i[None, :], mask=there[:, None], other=0.0)
        keys = tl.load(cuts + row * CUTS + i)
        low, high, over = narrowed(low, high, tl.load(overs + row), limit, keys, tl.sum(above, 0))
        # Tokens left: no more than there were, and none weighs less than the range's end.
        mass = tl.min(tl.where((keys <= low)[None, :], above, float("inf")), 1)
        mass -= tl.max(tl.where((keys >= high)[None, :], above, 0.0), 1)
        least = counted(value_of(low + 1, SHIFT), top, scale, COUNT)
        number = tl.load(numbers + at, mask=there, other=0).to(tl.float32)
        most = tl.max(tl.minimum(tl.where(there, mass, 0.0) / least, number), 0)
        tl.store(ranges + row * 2, low)
        tl.store(ranges + row * 2 + 1, high)
        tl.store(overs + row, over)
        tl.store(wide + row, ((high > low + 1) & (most > MOST)).to(tl.int32))
        tl.store(cuts + row * CUTS + i, by_value(low, high, i, SHIFT))
