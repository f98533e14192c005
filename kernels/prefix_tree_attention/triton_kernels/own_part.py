"""Own part: each row's own keys, in pages, and the merge with the partials of its path."""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents

from kernels.prefix_tree_attention.triton_kernels.softmax import (
    NO_KEY,
    add_keys,
    add_sink,
    add_stored_part,
    normalised,
    scores_of,
    store_part,
)


@triton.jit(do_not_specialize=["page_row", "columns", "first", "split_keys"])
def own_part(
    q, k, v, partial, lse, out, lengths, pages, depths, ready, sinks, scale, softcap,
    q_row, out_row, kv_group, kv_slot, page_row, columns, first, split_keys,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, WIDE: tl.constexpr,
    PAGE: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, STAGES: tl.constexpr,
    WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, SINKS: tl.constexpr,
    MERGE: tl.constexpr, WAIT: tl.constexpr,
):  # fmt: skip
    """One program: a row, a KV head and, along the second axis, a run of split_keys own keys.

    MERGE: adds the partials of the row's path and writes the result; otherwise the partial goes to
    column first + split. WAIT: the shared part may still be running; `ready` counts the (row, head)
    pairs of partials that are there, and is left at zero for the next launch. The kernel after
    this one may start then; it waits for the end.
    """
    if WAIT:
        gdc_launch_dependents()
    pid = tl.program_id(0)
    split = tl.program_id(1)
    row = (pid // GROUPS).to(tl.int64)
    group = pid % GROUPS
    SHARE: tl.constexpr = HEADS // GROUPS
    length = tl.load(lengths + row).to(tl.int32)
    d = tl.arange(0, WIDE)
    inside = d < DIM
    member = tl.arange(0, BM)
    real = member < SHARE
    head = group * SHARE + member
    queries = tl.load(
        q + row * q_row + (head * DIM)[:, None] + d[None, :],
        mask=real[:, None] & inside[None, :], other=0.0,
    )  # fmt: skip
    keys_at = k + group.to(tl.int64) * kv_group
    values_at = v + group.to(tl.int64) * kv_group
    pages_at = pages + row * page_row
    largest = tl.full([BM], NO_KEY, tl.float32)
    reference = largest
    total = tl.zeros([BM], tl.float32)
    weighted = tl.zeros([BM, WIDE], tl.float32)
    start = split * split_keys
    stop = tl.minimum(start + split_keys, length)
    if WINDOW > 0:
        start = tl.maximum(start, (length - WINDOW) // BN * BN)
    for n in tl.range(start, stop, BN, num_stages=STAGES):
        at = n + tl.arange(0, BN)
        there = at < stop
        # One scalar load a page: a vector of them would enter the pipeline of the keys' copies, and
        # each wait for it would wait for the keys too.
        slots = (n + tl.arange(0, BN)) % PAGE
        for i in tl.static_range(0, BN, PAGE):
            page = tl.load(pages_at + (n + i) // PAGE, mask=n + i < stop, other=0)
            slots += tl.where(tl.arange(0, BN) // PAGE == i // PAGE, page, 0)
        offset = slots.to(tl.int64)[:, None] * kv_slot + d[None, :]
        both = there[:, None] & inside[None, :]
        x = scores_of(
            queries, tl.load(keys_at + offset, mask=both, other=0.0), scale, softcap, SOFTCAP
        )
        seen = there
        if WINDOW > 0:
            seen = seen & (at >= length - WINDOW)
        largest, reference, total, weighted = add_keys(
            tl.where(seen[None, :], x, -float("inf")),
            tl.load(values_at + offset, mask=both, other=0.0),
            largest, reference, total, weighted,
        )  # fmt: skip
    if MERGE:
        place = row * columns * HEADS + head
        depth = tl.load(depths + row)
        if WAIT:
            at_hand = tl.atomic_add(ready + pid, 0, sem="acquire")
            while at_hand < depth * SHARE:
                at_hand = tl.atomic_add(ready + pid, 0, sem="acquire")
            tl.store(ready + pid, 0)
        for column in tl.range(0, depth, num_stages=3):
            reference, total, weighted = add_stored_part(
                partial, lse, place + column * HEADS, real, d, reference, total, weighted, DIM
            )
        if SINKS:
            sink = tl.load(sinks + head, mask=real, other=0.0)
            reference, total, weighted = add_sink(sink, reference, total, weighted)
        tl.store(
            out + row * out_row + (head * DIM)[:, None] + d[None, :],
            normalised(total, weighted).to(out.dtype.element_ty),
            mask=real[:, None] & inside[None, :],
        )
    else:
        place = (row * columns + first + split) * HEADS + head
        store_part(partial, lse, place, real, d, reference, total, weighted, DIM)
