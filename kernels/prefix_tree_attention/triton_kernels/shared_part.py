"""Shared part: every segment's keys against the queries of all rows below it."""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents

from kernels.prefix_tree_attention.triton_kernels.softmax import (
    NO_KEY,
    add_keys,
    scores_of,
    store_part,
)

# Columns of an item: see kernels.prefix_tree_attention.work.
SLOT: tl.constexpr = tl.constexpr(0)
LENGTH: tl.constexpr = tl.constexpr(1)
ENTRY: tl.constexpr = tl.constexpr(2)
ROWS: tl.constexpr = tl.constexpr(3)
TILE: tl.constexpr = tl.constexpr(4)
COLUMN: tl.constexpr = tl.constexpr(5)
POSITION: tl.constexpr = tl.constexpr(6)
GROUP: tl.constexpr = tl.constexpr(7)
WIDTH: tl.constexpr = tl.constexpr(8)


@triton.jit
def _places(listed, slot, at, LISTED: tl.constexpr):
    """Where an item's keys `at` lie, counted from the item's base."""
    places = at
    if LISTED:
        places = tl.load(listed + slot + at).to(tl.int64)
    return places


@triton.jit(do_not_specialize=["columns"])
def shared_part(
    q, k, v, partial, lse, items, count, row_list, listed, bases, lengths, ready, scale, softcap,
    q_row, kv_group, kv_slot, columns,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, STAGES: tl.constexpr, LISTED: tl.constexpr,
    WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    """Partials of the items of a plan; see kernels.prefix_tree_attention.decode for the tensors.

    LISTED: an item's keys lie at the slots that `listed` has from its SLOT on, up to a whole BN.

    Programs share out the items in the order of the list: neighbours work on the same keys,
    so that those are read from memory once. EARLY: the next kernel may start while this one runs;
    it looks at `ready`.
    """
    if EARLY:
        gdc_launch_dependents()
    SHARE: tl.constexpr = HEADS // GROUPS
    d = tl.arange(0, WIDE)
    inside = d < DIM
    for index in range(tl.program_id(0), tl.load(count), tl.num_programs(0)):
        item = items + index * WIDTH
        group = tl.load(item + GROUP)
        slot = tl.load(item + SLOT).to(tl.int64)
        length = tl.load(item + LENGTH)
        entry = tl.load(item + ENTRY)
        flat = tl.load(item + TILE) + tl.arange(0, BM)
        real = flat < tl.load(item + ROWS) * SHARE
        # A tile's rows are pairs of a row and one of its heads that share the KV head.
        row = tl.load(row_list + entry + flat // SHARE, mask=real, other=0).to(tl.int64)
        head = group * SHARE + flat % SHARE
        queries = tl.load(
            q + row[:, None] * q_row + (head * DIM)[:, None] + d[None, :],
            mask=real[:, None] & inside[None, :], other=0.0,
        )  # fmt: skip
        base = group.to(tl.int64) * kv_group
        if not LISTED:
            base += slot * kv_slot
        keys_at, values_at = k + base, v + base
        largest = tl.full([BM], NO_KEY, tl.float32)
        reference = largest
        total = tl.zeros([BM], tl.float32)
        weighted = tl.zeros([BM, WIDE], tl.float32)
        if WINDOW > 0:
            # First visible key of each row, counted from the item's first.
            first = tl.load(bases + row, mask=real, other=1 << 30)
            first += tl.load(lengths + row, mask=real, other=0) - WINDOW - tl.load(item + POSITION)
            start = tl.maximum(tl.min(first), 0) // BN * BN
            for n in tl.range(start, length, BN, num_stages=STAGES):
                at = n + tl.arange(0, BN)
                there = (at < length)[:, None] & inside[None, :]
                offset = _places(listed, slot, at, LISTED)[:, None] * kv_slot + d[None, :]
                x = scores_of(
                    queries, tl.load(keys_at + offset, mask=there, other=0.0),
                    scale, softcap, SOFTCAP,
                )  # fmt: skip
                seen = (at < length)[None, :] & (at[None, :] >= first[:, None])
                largest, reference, total, weighted = add_keys(
                    tl.where(seen, x, -float("inf")),
                    tl.load(values_at + offset, mask=there, other=0.0),
                    largest, reference, total, weighted,
                )  # fmt: skip
        else:
            whole = length // BN * BN
            for n in tl.range(0, whole, BN, num_stages=STAGES):
                at = n + tl.arange(0, BN)
                offset = _places(listed, slot, at, LISTED)[:, None] * kv_slot + d[None, :]
                if DIM == WIDE:
                    keys = tl.load(keys_at + offset)
                    values = tl.load(values_at + offset)
                else:
                    keys = tl.load(keys_at + offset, mask=inside[None, :], other=0.0)
                    values = tl.load(values_at + offset, mask=inside[None, :], other=0.0)
                x = scores_of(queries, keys, scale, softcap, SOFTCAP)
                largest, reference, total, weighted = add_keys(
                    x, values, largest, reference, total, weighted
                )
            if whole < length:
                at = whole + tl.arange(0, BN)
                there = (at < length)[:, None] & inside[None, :]
                offset = _places(listed, slot, at, LISTED)[:, None] * kv_slot + d[None, :]
                x = scores_of(
                    queries, tl.load(keys_at + offset, mask=there, other=0.0),
                    scale, softcap, SOFTCAP,
                )  # fmt: skip
                largest, reference, total, weighted = add_keys(
                    tl.where((at < length)[None, :], x, -float("inf")),
                    tl.load(values_at + offset, mask=there, other=0.0),
                    largest, reference, total, weighted,
                )  # fmt: skip
        place = (row * columns + tl.load(item + COLUMN)) * HEADS + head
        store_part(partial, lse, place, real, d, reference, total, weighted, DIM)
        if EARLY:
            tl.debug_barrier()  # so that what is released are the stores of all threads
            tl.atomic_add(ready + row * GROUPS + group, 1, mask=real, sem="release")
