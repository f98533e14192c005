"""One pass over all keys of a few rows, shared and own: no partials, no merge.

The keys of a tile of rows are a list of *entries*: up to ENTRY adjacent slots and the members of
the tile that see them. Each entry is one int64: slot, then (bits 32 to 39) the first member that
sees it, (40 to 47) how many members do, (48 to 55) how many keys it has.
"""

import triton
import triton.language as tl

from kernels.prefix_tree_attention.triton_kernels.softmax import (
    NO_KEY,
    add_keys,
    add_sink,
    normalised,
    scores_of,
)


@triton.jit(do_not_specialize=["capacity", "page_row"])
def own_entries(
    entries, spans, members, lengths, pages, capacity, page_row,
    MEMBERS: tl.constexpr, WIDTH: tl.constexpr, PAGE: tl.constexpr, ENTRY: tl.constexpr,
    AT_ONCE: tl.constexpr,
):  # fmt: skip
    """Writes the entries of one member's own keys before those of its tile's shared segments.

    The last member's come last. WIDTH: MEMBERS as a power of two; AT_ONCE: entries a step.
    """
    tile = tl.program_id(0)
    mine = tl.program_id(1)
    index = tl.arange(0, WIDTH)
    rows = tl.load(members + tile * MEMBERS + index, mask=index < MEMBERS, other=-1)
    length = tl.load(lengths + rows, mask=rows >= 0, other=0)
    count = (length + ENTRY - 1) // ENTRY
    boundary = tl.load(spans + tile * 3 + 2)
    start = boundary - tl.sum(tl.where(index >= mine, count, 0))
    if mine == 0:
        tl.store(spans + tile * 3, start)
    row = tl.max(tl.where(index == mine, rows, -1))
    keys = tl.sum(tl.where(index == mine, length, 0))
    base = entries + tile.to(tl.int64) * capacity + start
    for first in range(0, keys, AT_ONCE * ENTRY):
        at = first + tl.arange(0, AT_ONCE) * ENTRY
        there = at < keys
        page = tl.load(pages + row.to(tl.int64) * page_row + at // PAGE, mask=there, other=0)
        info = tl.minimum(keys - at, ENTRY) * 65536 + 256 + mine
        entry = (page + at % PAGE).to(tl.int64) | (info.to(tl.int64) << 32)
        tl.store(base + at // ENTRY, entry, mask=there)


@triton.jit(do_not_specialize=["capacity"])
def stream(
    q, k, v, out, entries, spans, members, sinks, scale, softcap,
    q_row, out_row, kv_group, kv_slot, capacity,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    MEMBERS: tl.constexpr, ENTRY: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
    STAGES: tl.constexpr, SOFTCAP: tl.constexpr, SINKS: tl.constexpr,
):  # fmt: skip
    """One program: the rows of a tile and the heads of a KV head, over all entries of the tile."""
    tile = tl.program_id(0) // GROUPS
    group = tl.program_id(0) % GROUPS
    SHARE: tl.constexpr = HEADS // GROUPS
    start = tl.load(spans + tile * 3)
    stop = tl.load(spans + tile * 3 + 1)
    d = tl.arange(0, WIDE)
    inside = d < DIM
    member = tl.arange(0, BM) // SHARE
    row = tl.load(members + tile * MEMBERS + member, mask=member < MEMBERS, other=-1).to(tl.int64)
    whole = (row >= 0)[:, None] & inside[None, :]
    head = group * SHARE + tl.arange(0, BM) % SHARE
    queries = tl.load(
        q + row[:, None] * q_row + (head * DIM)[:, None] + d[None, :], mask=whole, other=0.0
    )
    keys_at = k + group.to(tl.int64) * kv_group
    values_at = v + group.to(tl.int64) * kv_group
    entries += tile.to(tl.int64) * capacity
    within = tl.arange(0, BN) % ENTRY
    largest = tl.full([BM], NO_KEY, tl.float32)
    reference = largest
    total = tl.zeros([BM], tl.float32)
    weighted = tl.zeros([BM, WIDE], tl.float32)
    for n in tl.range(start, stop, BN // ENTRY, num_stages=STAGES):
        at = n + tl.arange(0, BN) // ENTRY
        entry = tl.load(entries + at, mask=at < stop, other=0)
        info = (entry >> 32).to(tl.int32)
        slot = (entry & 0x7FFFFFFF) + within
        there = within < (info >> 16)
        offset = slot[:, None] * kv_slot + d[None, :]
        both = there[:, None] & inside[None, :]
        keys = tl.load(keys_at + offset, mask=both, other=0.0)
        values = tl.load(values_at + offset, mask=both, other=0.0)
        first = info & 255
        count = tl.where(there, (info >> 8) & 255, 0)
        seen = (member[:, None] >= first[None, :]) & (member[:, None] < (first + count)[None, :])
        x = scores_of(queries, keys, scale, softcap, SOFTCAP)
        largest, reference, total, weighted = add_keys(
            tl.where(seen, x, -float("inf")), values, largest, reference, total, weighted
        )
    if SINKS:
        sink = tl.load(sinks + head, mask=row >= 0, other=0.0)
        reference, total, weighted = add_sink(sink, reference, total, weighted)
    tl.store(
        out + row[:, None] * out_row + (head * DIM)[:, None] + d[None, :],
        normalised(total, weighted).to(out.dtype.element_ty),
        mask=whole,
    )
