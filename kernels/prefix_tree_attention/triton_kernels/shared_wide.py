"""Shared part for many rows on Hopper: a warp that loads, two warpgroups that multiply (Gluon).

The same items as `shared_part`, of 128 (row, head) pairs, 64 for each warpgroup. While a warpgroup
multiplies the weights of one block of keys with its values, the scores of the next are under way
(the pipeline of FlashAttention-3, arXiv 2407.08608, section 3.2).
"""

import torch
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

from kernels.prefix_tree_attention.triton_kernels.softmax import LAG, LOG2E


def descriptor(x: torch.Tensor, box: int) -> object:
    """Of [G, N, D] as [G * N, D], in boxes of `box` rows."""
    flat = x.flatten(0, 1)
    dtype = gl.bfloat16 if x.dtype == torch.bfloat16 else gl.float16
    layout = gl.NVMMASharedLayout.get_default_for([box, x.shape[2]], dtype)
    return TensorDescriptor.from_tensor(flat, [box, x.shape[2]], layout)


# Its name before Triton 3.7.
barrier = gl.barrier if hasattr(gl, "barrier") else gl.thread_barrier
# Columns of an item: see kernels.prefix_tree_attention.work.
SLOT = gl.constexpr(0)
LENGTH = gl.constexpr(1)
ENTRY = gl.constexpr(2)
ROWS = gl.constexpr(3)
TILE = gl.constexpr(4)
COLUMN = gl.constexpr(5)
GROUP = gl.constexpr(7)
WIDTH = gl.constexpr(8)


@gluon.jit
def load_blocks(
    keys, values, key_ring, value_ring, key_full, key_free, value_full, value_free,
    items, count, kv_rows, DIM: gl.constexpr, BN: gl.constexpr,
    STAGES: gl.constexpr,
):  # fmt: skip
    """The loading warp: blocks of each item's keys and values, the last block first."""
    step = 0
    for index in range(gl.program_id(0), gl.load(count), gl.num_programs(0)):
        item = items + index * WIDTH
        base = gl.load(item + SLOT) + gl.load(item + GROUP) * kv_rows
        blocks = (gl.load(item + LENGTH) + BN - 1) // BN
        for i in range(blocks):
            at = base + (blocks - 1 - i) * BN
            place = step % STAGES
            phase = ((step // STAGES) & 1) ^ 1
            mbarrier.wait(key_free.index(place), phase)
            mbarrier.expect(key_full.index(place), BN * DIM * 2)
            tma.async_copy_global_to_shared(
                keys, [at, 0], key_full.index(place), key_ring.index(place)
            )
            mbarrier.wait(value_free.index(place), phase)
            mbarrier.expect(value_full.index(place), BN * DIM * 2)
            tma.async_copy_global_to_shared(
                values, [at, 0], value_full.index(place), value_ring.index(place)
            )
            step += 1


@gluon.jit
def attend_half(
    HALF: gl.constexpr, q, partial, lse, query_tiles, key_ring, value_ring, key_full, key_free,
    value_full, value_free, items, count, row_list, ready, scale, q_row, columns,
    HEADS: gl.constexpr, GROUPS: gl.constexpr, DIM: gl.constexpr, BN: gl.constexpr,
    STAGES: gl.constexpr, EARLY: gl.constexpr,
):  # fmt: skip
    """A multiplying warpgroup: 64 (row, head) pairs of each item against all its blocks."""
    SHARE: gl.constexpr = HEADS // GROUPS
    DTYPE: gl.constexpr = q.dtype.element_ty
    SCORES: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, BN, 16])
    VALUES: gl.constexpr = gl.NVMMADistributedLayout([3, 0], [4, 1], [16, DIM, 16])
    WEIGHTS: gl.constexpr = gl.DotOperandLayout(0, VALUES, 2)
    LOADED: gl.constexpr = gl.BlockedLayout([1, 8], [32 // (DIM // 8), DIM // 8], [4, 1], [1, 0])
    step = 0
    factor = scale * LOG2E
    for index in range(gl.program_id(0), gl.load(count), gl.num_programs(0)):
        item = items + index * WIDTH
        group = gl.load(item + GROUP)
        length = gl.load(item + LENGTH)
        entry = gl.load(item + ENTRY)
        pairs = gl.load(item + ROWS) * SHARE
        first = gl.load(item + TILE) + HALF * 64
        # The queries of the half, through registers: its rows lie anywhere.
        pair = first + gl.arange(0, 64, layout=gl.SliceLayout(1, LOADED))
        real = pair < pairs
        row = gl.load(row_list + entry + pair // SHARE, mask=real, other=0).to(gl.int64)
        at = row * q_row + (group * SHARE + pair % SHARE) * DIM
        d = gl.arange(0, DIM, layout=gl.SliceLayout(0, LOADED))
        loaded = gl.load(
            q + gl.expand_dims(at, 1) + gl.expand_dims(d, 0),
            mask=gl.expand_dims(real, 1), other=0.0,
        )  # fmt: skip
        queries = query_tiles.index(HALF)
        queries.store(loaded)
        fence_async_shared()
        # The last block first: only it can hold keys that are not the item's.
        blocks = (length + BN - 1) // BN
        place = step % STAGES
        mbarrier.wait(key_full.index(place), (step // STAGES) & 1)
        x = warpgroup_mma(
            queries, key_ring.index(place).permute((1, 0)),
            gl.zeros([64, BN], gl.float32, SCORES), use_acc=False, is_async=True,
        )  # fmt: skip
        x = warpgroup_mma_wait(0, deps=(x,))
        mbarrier.arrive(key_free.index(place), count=1)
        key = (blocks - 1) * BN + gl.arange(0, BN, layout=gl.SliceLayout(0, SCORES))
        x = gl.where(gl.expand_dims(key < length, 0), x, -float("inf"))
        # As `softmax.reference_of` does; every block has a key that its rows see.
        largest = gl.max(x, 1) * factor
        reference = largest
        p = gl.exp2(x * factor - gl.expand_dims(reference, 1))
        total = gl.sum(p, 1)
        weights = gl.convert_layout(p.to(DTYPE), WEIGHTS)
        weighted = gl.zeros([64, DIM], gl.float32, VALUES)
        for _ in range(1, blocks):
            before = step % STAGES
            before_phase = (step // STAGES) & 1
            step += 1
            place = step % STAGES
            mbarrier.wait(key_full.index(place), (step // STAGES) & 1)
            x = warpgroup_mma(
                queries, key_ring.index(place).permute((1, 0)),
                gl.zeros([64, BN], gl.float32, SCORES), use_acc=False, is_async=True,
            )  # fmt: skip
            mbarrier.wait(value_full.index(before), before_phase)
            weighted = warpgroup_mma(weights, value_ring.index(before), weighted, is_async=True)
            x = warpgroup_mma_wait(1, deps=(x,))
            mbarrier.arrive(key_free.index(place), count=1)
            most = gl.max(x, 1) * factor
            new = gl.maximum(most, largest - LAG)
            largest = gl.maximum(largest, most)
            old = gl.exp2(reference - new)
            p = gl.exp2(x * factor - gl.expand_dims(new, 1))
            total = total * old + gl.sum(p, 1)
            reference = new
            weighted, weights = warpgroup_mma_wait(0, deps=(weighted, weights))
            mbarrier.arrive(value_free.index(before), count=1)
            weights = gl.convert_layout(p.to(DTYPE), WEIGHTS)
            old = gl.convert_layout(old, gl.SliceLayout(1, VALUES))
            weighted = weighted * gl.expand_dims(old, 1)
        place = step % STAGES
        mbarrier.wait(value_full.index(place), (step // STAGES) & 1)
        weighted = warpgroup_mma(weights, value_ring.index(place), weighted, is_async=True)
        weighted, weights = warpgroup_mma_wait(0, deps=(weighted, weights))
        mbarrier.arrive(value_free.index(place), count=1)
        step += 1
        # As `softmax.store_part` does.
        total = gl.convert_layout(total, gl.SliceLayout(1, VALUES))
        reference = gl.convert_layout(reference, gl.SliceLayout(1, VALUES))
        weighted = weighted * gl.expand_dims(1.0 / total, 1)
        extent = gl.maximum(gl.max(gl.abs(weighted), 1), 1e-30)
        pair = first + gl.arange(0, 64, layout=gl.SliceLayout(1, VALUES))
        real = pair < pairs
        row = gl.load(row_list + entry + pair // SHARE, mask=real, other=0).to(gl.int64)
        at = (row * columns + gl.load(item + COLUMN)) * HEADS + group * SHARE + pair % SHARE
        gl.store(lse + at * 2, reference + gl.log2(total), mask=real)
        gl.store(lse + at * 2 + 1, extent, mask=real)
        d = gl.arange(0, DIM, layout=gl.SliceLayout(0, VALUES))
        gl.store(
            partial + gl.expand_dims(at * DIM, 1) + gl.expand_dims(d, 0),
            (weighted * gl.expand_dims(1.0 / extent, 1)).to(partial.dtype.element_ty),
            mask=gl.expand_dims(real, 1),
        )
        if EARLY:
            barrier()  # so that what is released are the stores of all threads
            one = gl.full([64], 1, gl.int32, layout=gl.SliceLayout(1, VALUES))
            gl.atomic_add(ready + row * GROUPS + group, one, mask=real, sem="release")


@gluon.jit(do_not_specialize=["columns", "kv_rows"])
def shared_wide(
    q, keys, values, partial, lse, items, count, row_list, ready, scale, q_row, kv_rows, columns,
    HEADS: gl.constexpr, GROUPS: gl.constexpr, DIM: gl.constexpr, BN: gl.constexpr,
    STAGES: gl.constexpr, REGISTERS: gl.constexpr, EARLY: gl.constexpr,
):  # fmt: skip
    """keys, values: descriptors of [G * N, D] in boxes of BN x D; kv_rows: N. Every slot that a
    box reaches past an item's end holds finite values. EARLY: as in `shared_part`."""
    if EARLY:
        gl.inline_asm_elementwise(
            "griddepcontrol.launch_dependents; // $0", "=r", [], dtype=gl.int32, is_pure=False,
            pack=1,
        )  # fmt: skip
    DTYPE: gl.constexpr = q.dtype.element_ty
    QUERIES: gl.constexpr = gl.NVMMASharedLayout.get_default_for([64, DIM], DTYPE)
    query_tiles = gl.allocate_shared_memory(DTYPE, [2, 64, DIM], QUERIES)
    key_ring = gl.allocate_shared_memory(DTYPE, [STAGES, BN, DIM], keys.layout)
    value_ring = gl.allocate_shared_memory(DTYPE, [STAGES, BN, DIM], values.layout)
    key_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    key_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    value_full = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    value_free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(STAGES):
        mbarrier.init(key_full.index(i), count=1)
        mbarrier.init(key_free.index(i), count=2)
        mbarrier.init(value_full.index(i), count=1)
        mbarrier.init(value_free.index(i), count=2)
    gl.warp_specialize(
        [
            (attend_half, (
                0, q, partial, lse, query_tiles, key_ring, value_ring, key_full, key_free,
                value_full, value_free, items, count, row_list, ready, scale, q_row, columns,
                HEADS, GROUPS, DIM, BN, STAGES, EARLY,
            )),
            (attend_half, (
                1, q, partial, lse, query_tiles, key_ring, value_ring, key_full, key_free,
                value_full, value_free, items, count, row_list, ready, scale, q_row, columns,
                HEADS, GROUPS, DIM, BN, STAGES, EARLY,
            )),
            (load_blocks, (
                keys, values, key_ring, value_ring, key_full, key_free, value_full, value_free,
                items, count, kv_rows, DIM, BN, STAGES,
            )),
        ],
        [4, 1],
        [REGISTERS, 24],
    )  # fmt: skip
