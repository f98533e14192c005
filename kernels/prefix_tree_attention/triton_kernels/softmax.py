"""Pieces that the kernels share: scores, the running softmax, the merge by log-sum-exp.

Scores are kept times log2(e), so that exponentials are exp2; a log-sum-exp is in base 2 too.
"""

import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)
# Maximum of a part without a visible key. Finite, since -inf - -inf would be NaN.
NO_KEY = tl.constexpr(-1e30)
# Doublings that a row's reference may lie below its largest score: float32 holds sums of weights
# that are so much larger.
LAG = tl.constexpr(32.0)


@triton.jit
def scores_of(q, keys, scale, softcap, SOFTCAP: tl.constexpr):
    """q [M, D], keys [N, D] -> scores [M, N] float32, times log2(e)."""
    x = tl.dot(q, tl.trans(keys), input_precision="ieee")
    if SOFTCAP:
        # cap * tanh(x / cap), tanh by exp2: 1 - 2 / (e^2y + 1)
        y = x * (scale / softcap)
        x = softcap * LOG2E * (1.0 - 2.0 / (tl.exp2(y * (2.0 * LOG2E)) + 1.0))
    else:
        x = x * (scale * LOG2E)
    return x


@triton.jit
def reference_of(most, largest, reference):
    """What a block's weights are relative to, and the largest score so far: [M] each.

    most [M]: the largest scores of the block. Weights are rounded to the values' dtype, all but one
    that is 1; so a block's reference is its own largest score and not the largest so far, unless
    that is LAG above it. A row that sees no key of the block keeps its bits.
    """
    own = tl.maximum(most, largest - LAG)
    return tl.where(most > NO_KEY, own, reference), tl.maximum(largest, most)


@triton.jit
def add_keys(x, values, largest, reference, total, weighted):
    """Adds keys of scores x [M, N] and values [N, D] to the running softmax of M rows.

    largest [M]: scores so far; total [M], weighted [M, D]: relative to reference [M].
    """
    new, largest = reference_of(tl.max(x, 1), largest, reference)
    old = tl.exp2(reference - new)
    p = tl.exp2(x - new[:, None])
    total = total * old + tl.sum(p, 1)
    weighted = tl.dot(p.to(values.dtype), values, weighted * old[:, None], input_precision="ieee")
    return largest, new, total, weighted


@triton.jit
def add_sink(sink, highest, total, weighted):
    """Adds a logit [M], in base e, that takes weight and has no value."""
    logit = sink.to(tl.float32) * LOG2E
    new = tl.maximum(highest, logit)
    old = tl.exp2(highest - new)
    return new, total * old + tl.exp2(logit - new), weighted * old[:, None]


@triton.jit
def normalised(total, weighted):
    """[M], [M, D] -> [M, D]; zeros where no key was visible: the sum of any other is at least 1."""
    return weighted / tl.maximum(total, 1e-30)[:, None]


@triton.jit
def lse_of(highest, total):
    """Log-sum-exp in base 2, NO_KEY where no key was visible."""
    return tl.where(total > 0, highest + tl.log2(tl.maximum(total, 1e-30)), NO_KEY)


@triton.jit
def store_part(partial, lse, place, rows, columns, highest, total, weighted, DIM: tl.constexpr):
    """Leaves rows [M] of a running softmax as partials, columns [D] of them.

    place: [M] index of each; values are divided by the largest of them, so that fp16 can hold them.
    """
    values = normalised(total, weighted)
    extent = tl.maximum(tl.max(tl.abs(values), 1), 1e-30)
    tl.store(lse + place * 2, lse_of(highest, total), mask=rows)
    tl.store(lse + place * 2 + 1, extent, mask=rows)
    tl.store(
        partial + place[:, None] * DIM + columns[None, :],
        (values / extent[:, None]).to(partial.dtype.element_ty),
        mask=rows[:, None] & (columns < DIM)[None, :],
    )


@triton.jit
def add_stored_part(
    partial, lse, place, rows, columns, highest, total, weighted, DIM: tl.constexpr
):
    """Adds what `store_part` left to the running softmax."""
    # Past the first-level cache: another kernel may have written them while this one ran.
    part_lse = tl.load(lse + place * 2, mask=rows, other=NO_KEY, cache_modifier=".cg")
    extent = tl.load(lse + place * 2 + 1, mask=rows, other=0.0, cache_modifier=".cg")
    part = tl.load(
        partial + place[:, None] * DIM + columns[None, :],
        mask=rows[:, None] & (columns < DIM)[None, :], other=0.0, cache_modifier=".cg",
    )  # fmt: skip
    new = tl.maximum(highest, part_lse)
    old = tl.exp2(highest - new)
    weight = tl.exp2(part_lse - new)
    part = part.to(tl.float32) * (weight * extent)[:, None]
    return new, total * old + weight, weighted * old[:, None] + part
