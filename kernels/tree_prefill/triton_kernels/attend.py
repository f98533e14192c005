"""Causal attention of prompts' tokens to the keys of their paths, one pass, no partials."""

import triton
import triton.language as tl

from kernels.prefix_tree_attention.triton_kernels.softmax import LOG2E, NO_KEY, add_sink, normalised

# Columns of an item and of a run: see kernels.tree_prefill.plan.
ROW: tl.constexpr = tl.constexpr(0)
TOKENS: tl.constexpr = tl.constexpr(1)
TILE: tl.constexpr = tl.constexpr(2)
POSITION: tl.constexpr = tl.constexpr(3)
LISTED: tl.constexpr = tl.constexpr(4)
FIRST_RUN: tl.constexpr = tl.constexpr(5)
RUNS: tl.constexpr = tl.constexpr(6)
WIDTH: tl.constexpr = tl.constexpr(8)
BEGIN: tl.constexpr = tl.constexpr(0)
END: tl.constexpr = tl.constexpr(1)
UNTIL: tl.constexpr = tl.constexpr(2)
BASE: tl.constexpr = tl.constexpr(3)


@triton.jit
def _add(
    queries, keys, values, highest, total, weighted, seen, factor, softcap, MASKED: tl.constexpr,
    SOFTCAP: tl.constexpr,
):  # fmt: skip
    """Adds a block of keys to the running softmax; scores are kept times log2(e)."""
    x = tl.dot(queries, tl.trans(keys), input_precision="ieee")
    if SOFTCAP:
        y = x * (factor / softcap)  # as softmax.scores_of: cap * tanh(x / cap)
        x = softcap * LOG2E * (1.0 - 2.0 / (tl.exp2(y * (2.0 * LOG2E)) + 1.0))
    if MASKED:
        x = tl.where(seen, x, -float("inf"))
    if SOFTCAP:
        new = tl.maximum(highest, tl.max(x, 1))
        p = tl.exp2(x - new[:, None])
    else:
        new = tl.maximum(highest, tl.max(x, 1) * factor)
        p = tl.exp2(x * factor - new[:, None])
    old = tl.exp2(highest - new)
    total = total * old + tl.sum(p, 1)
    weighted = weighted * old[:, None]
    weighted = tl.dot(p.to(values.dtype), values, weighted, input_precision="ieee")
    return new, total, weighted


@triton.jit
def _add_masked(
    queries, k, v, listed, start, stop, seen_to, highest, total, weighted, factor, softcap,
    kv_slot, DIM: tl.constexpr, WIDE: tl.constexpr, BN: tl.constexpr, WINDOW: tl.constexpr,
    SOFTCAP: tl.constexpr,
):  # fmt: skip
    """Adds the keys of positions start..stop, wherever they lie, masked row by row."""
    d = tl.arange(0, WIDE)
    for n in tl.range(start, stop, BN, num_stages=1):
        at = n + tl.arange(0, BN)
        there = at < stop
        slots = tl.load(listed + at, mask=there, other=0).to(tl.int64)
        offset = slots[:, None] * kv_slot + d[None, :]
        mask = there[:, None] & (d < DIM)[None, :]
        seen = at[None, :] < seen_to[:, None]
        if WINDOW > 0:
            seen = seen & (at[None, :] >= seen_to[:, None] - WINDOW)
        highest, total, weighted = _add(
            queries, tl.load(k + offset, mask=mask, other=0.0),
            tl.load(v + offset, mask=mask, other=0.0), highest, total, weighted, seen, factor,
            softcap, True, SOFTCAP,
        )  # fmt: skip
    return highest, total, weighted


@triton.jit(do_not_specialize=["count", "slots"])
def attend(
    q, k, v, keys, values, out, items, runs, listed, sinks, scale, softcap, q_row, out_row,
    kv_group, kv_slot, count, slots,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, STAGES: tl.constexpr, DESCRIBED: tl.constexpr,
    TOGETHER: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, SINKS: tl.constexpr,
):  # fmt: skip
    """See kernels.tree_prefill.attention for the tensors.

    One program an item and KV head: BM pairs of a token and one of the heads that share the KV
    head. TOGETHER: KV heads whose programs run at once, so that their keys stay in the cache.
    DESCRIBED: blocks that lie as one piece come by the descriptors `keys` and `values`.

    Blocks of keys are cut at positions that are multiples of BN and added in that order, whatever
    the tree looks like; a block that a row does not see leaves its bits as they are. So a token's
    bits depend neither on the pass nor on where paths fork.
    """
    SHARE: tl.constexpr = HEADS // GROUPS
    pid = tl.program_id(0)
    within = pid % (TOGETHER * count)
    group = pid // (TOGETHER * count) * TOGETHER + within % TOGETHER
    item = items + within // TOGETHER * WIDTH
    tokens = tl.load(item + TOKENS)
    tile = tl.load(item + TILE)
    position = tl.load(item + POSITION)
    listed += tl.load(item + LISTED)
    pair = tile + tl.arange(0, BM)
    real = (pair >= 0) & (pair < tl.minimum(tokens * SHARE, tile + BM // SHARE * SHARE))
    pair = tl.maximum(pair, 0)
    token = tl.minimum(pair // SHARE, tokens - 1)
    row = (tl.load(item + ROW) + token).to(tl.int64)
    head = group * SHARE + pair % SHARE
    d = tl.arange(0, WIDE)
    inside = real[:, None] & (d < DIM)[None, :]
    queries = tl.load(
        q + row[:, None] * q_row + (head * DIM)[:, None] + d[None, :], mask=inside, other=0.0
    )
    k += group.to(tl.int64) * kv_group
    v += group.to(tl.int64) * kv_group
    seen_to = position + 1 + token  # [BM] keys up to each token
    all_see = position + 1 + tl.maximum(tile, 0) // SHARE
    stop = position + tl.minimum(tile // SHARE + BM // SHARE, tokens)
    start = 0
    from_here_all = 0  # blocks before it are outside of some row's window
    if WINDOW > 0:
        start = tl.maximum(all_see - WINDOW, 0) // BN * BN
        from_here_all = (tl.maximum(stop - WINDOW, 0) + BN - 1) // BN * BN
    whole = all_see // BN * BN
    factor = scale * LOG2E
    if SOFTCAP:
        factor = scale
    highest = tl.full([BM], NO_KEY, tl.float32)
    total = tl.zeros([BM], tl.float32)
    weighted = tl.zeros([BM, WIDE], tl.float32)
    run = runs + tl.load(item + FIRST_RUN) * 4
    for _ in range(tl.load(item + RUNS)):
        lower = tl.maximum(tl.load(run + BEGIN), start)
        end = tl.load(run + END)
        until = tl.minimum(tl.load(run + UNTIL), stop)
        base = tl.load(run + BASE)
        if WINDOW > 0:
            left = tl.minimum(from_here_all, until)
            highest, total, weighted = _add_masked(
                queries, k, v, listed, lower, left, seen_to, highest, total, weighted, factor,
                softcap, kv_slot, DIM, WIDE, BN, WINDOW, SOFTCAP,
            )  # fmt: skip
            lower = tl.maximum(lower, left)
        free = tl.maximum(tl.minimum(end, whole), lower)
        for n in tl.range(lower, free, BN, num_stages=STAGES):
            if DESCRIBED:
                place = base + n + group * slots
                block = keys.load([place, 0])
                weights = values.load([place, 0])
            else:
                places = (base + n + tl.arange(0, BN)).to(tl.int64)
                offset = places[:, None] * kv_slot + d[None, :]
                if DIM == WIDE:
                    block = tl.load(k + offset)
                    weights = tl.load(v + offset)
                else:
                    block = tl.load(k + offset, mask=(d < DIM)[None, :], other=0.0)
                    weights = tl.load(v + offset, mask=(d < DIM)[None, :], other=0.0)
            highest, total, weighted = _add(
                queries, block, weights, highest, total, weighted, real, factor, softcap, False,
                SOFTCAP,
            )  # fmt: skip
        highest, total, weighted = _add_masked(
            queries, k, v, listed, free, until, seen_to, highest, total, weighted, factor, softcap,
            kv_slot, DIM, WIDE, BN, WINDOW, SOFTCAP,
        )  # fmt: skip
        run += 4
    if SINKS:
        sink = tl.load(sinks + head, mask=real, other=0.0)
        highest, total, weighted = add_sink(sink, highest, total, weighted)
    tl.store(
        out + row[:, None] * out_row + (head * DIM)[:, None] + d[None, :],
        normalised(total, weighted).to(out.dtype.element_ty), mask=inside,
    )  # fmt: skip
