"""Launch of the shared part for many rows on Hopper (Gluon)."""

from __future__ import annotations

from torch import Tensor

from kernels.prefix_tree_attention.choice import Parts, Shape
from kernels.prefix_tree_attention.triton_kernels.shared_wide import descriptor, shared_wide

WIDE_TILE = 128  # (row, head) pairs an item
WIDE_DIMS = (64, 128)


def launch_wide(
    grid: tuple[int], q: Tensor, k: Tensor, v: Tensor, partial: Tensor, lse: Tensor, items: Tensor,
    count: Tensor, row_list: Tensor, ready: Tensor, scale: float, shape: Shape, choice: Parts,
    early: bool,
) -> None:  # fmt: skip
    """q [R, H, D]; k, v [G, N, D] contiguous, 16 bits; the others as in `parts_plan.PartsPlan`."""
    registers = {} if choice.most_registers is None else {"maxnreg": choice.most_registers}
    shared_wide[grid](
        q, descriptor(k, choice.block), descriptor(v, choice.block), partial, lse, items, count,
        row_list, ready, scale, q.stride(0), k.shape[1], lse.shape[1], HEADS=shape.heads,
        GROUPS=shape.kv_heads, DIM=shape.dim, BN=choice.block, STAGES=choice.stages,
        REGISTERS=choice.wide_registers, EARLY=early, num_warps=4, **registers,
    )  # fmt: skip
