"""Queries, keys and values of a step: norm of each head, rotary embedding, KV write."""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["kv_group"])
def rotate_and_store(
    qkv, bias, q_weight, k_weight, cos, sin, positions, slots, q, k, v, kv_group, eps,
    HEADS: tl.constexpr, GROUPS: tl.constexpr, DIM: tl.constexpr, HALF: tl.constexpr,
    BH: tl.constexpr, NORM: tl.constexpr, PARTS: tl.constexpr, BIAS: tl.constexpr,
):  # fmt: skip
    """One program: BH of a row's HEADS query, GROUPS key and GROUPS value heads.

    qkv: [PARTS, R, (HEADS + 2 GROUPS) * DIM], to be added up, and bias; q: [R, HEADS, DIM],
    written; k, v: arenas [GROUPS, N, DIM], written at the row's slot; cos, sin: [P, DIM / 2]
    float32. HALF: DIM / 2 as a power of two. NORM: RMSNorm of each query and key head.
    """
    row = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * BH + tl.arange(0, BH)
    index = tl.arange(0, HALF)
    real = (head < HEADS + 2 * GROUPS)[:, None] & (index < DIM // 2)[None, :]
    query = (head < HEADS)[:, None]
    value = (head >= HEADS + GROUPS)[:, None]
    dtype: tl.constexpr = q.dtype.element_ty
    column = (head * DIM)[:, None] + index[None, :]
    WIDTH: tl.constexpr = (HEADS + 2 * GROUPS) * DIM
    at = qkv + row * WIDTH + column
    first = tl.load(at, mask=real, other=0.0).to(tl.float32)
    second = tl.load(at + DIM // 2, mask=real, other=0.0).to(tl.float32)
    for _ in tl.static_range(1, PARTS):
        at += tl.num_programs(0) * WIDTH
        first += tl.load(at, mask=real, other=0.0).to(tl.float32)
        second += tl.load(at + DIM // 2, mask=real, other=0.0).to(tl.float32)
    if BIAS:
        first += tl.load(bias + column, mask=real, other=0.0).to(tl.float32)
        second += tl.load(bias + column + DIM // 2, mask=real, other=0.0).to(tl.float32)
    if NORM:
        squares = tl.sum(first * first, 1) + tl.sum(second * second, 1)
        factor = (1.0 / tl.sqrt(squares / DIM + eps))[:, None]
        here = index[None, :] + tl.zeros([BH, 1], tl.int32)
        weights = real & ~value
        low = tl.where(
            query,
            tl.load(q_weight + here, mask=weights & query, other=0.0),
            tl.load(k_weight + here, mask=weights & ~query, other=0.0),
        ).to(tl.float32)
        high = tl.where(
            query,
            tl.load(q_weight + DIM // 2 + here, mask=weights & query, other=0.0),
            tl.load(k_weight + DIM // 2 + here, mask=weights & ~query, other=0.0),
        ).to(tl.float32)
        first = tl.where(value, first, first * factor * low)
        second = tl.where(value, second, second * factor * high)
    angle = tl.load(positions + row) * (DIM // 2) + index
    inside = index < DIM // 2
    c = tl.load(cos + angle, mask=inside, other=0.0)[None, :]
    s = tl.load(sin + angle, mask=inside, other=0.0)[None, :]
    low = tl.where(value, first, first * c - second * s).to(dtype)
    high = tl.where(value, second, second * c + first * s).to(dtype)
    to = q + row * (HEADS * DIM) + column
    tl.store(to, low, mask=real & query)
    tl.store(to + DIM // 2, high, mask=real & query)
    place = tl.load(slots + row) * DIM + index
    group = (head - HEADS).to(tl.int64)[:, None]
    key = real & ~query & ~value
    to = k + group * kv_group + place[None, :]
    tl.store(to, low, mask=key)
    tl.store(to + DIM // 2, high, mask=key)
    to = v + (group - GROUPS) * kv_group + place[None, :]
    tl.store(to, low, mask=real & value)
    tl.store(to + DIM // 2, high, mask=real & value)
