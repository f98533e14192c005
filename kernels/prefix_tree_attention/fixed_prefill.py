"""Attention of prompts' tokens whose bits do not depend on the pass that a token is in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.choice import Parts, power_of_two
from kernels.prefix_tree_attention.fixed_work import Chunk, work_of
from kernels.prefix_tree_attention.triton_kernels.merge import merge
from kernels.prefix_tree_attention.triton_kernels.shared_part import shared_part

MERGED_HEADS = 8  # heads a program of the merge


class PromptPlan:
    """What the tokens of one pass attend to, for every layer."""

    def __init__(
        self, chunks: Sequence[Chunk], positions: Tensor, heads: int, kv_heads: int, dim: int,
        choice: Parts, multiprocessors: int, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        """chunks: as `fixed_work.cuts` has them, with the tokens that see some of their keys;
        positions: [R] int64 of the tokens; dtype: of q; multiprocessors: any number for the
        interpreter."""
        self.choice, self.heads, self.kv_heads, self.dim = choice, heads, kv_heads, dim
        device, rows = positions.device, len(positions)
        work = work_of(
            chunks, np.zeros(rows, np.int32), kv_heads, heads // kv_heads, choice.tile,
            choice.block,
        )  # fmt: skip

        def put(values: object) -> Tensor:
            return torch.as_tensor(values, dtype=torch.int32).to(device)

        self.items, self.row_list, self.listed = map(put, (work.items, work.row_list, work.listed))
        self.count, self.depths, self.bases = map(put, ([len(work.items)], work.depths, work.bases))
        self.lengths = (positions + 1).int()  # [R] keys up to each token
        self.programs = min(int(choice.programs * multiprocessors), max(len(work.items), 1))
        partial = torch.float16 if dtype == torch.bfloat16 else torch.float32
        size = (rows, work.columns, heads)
        self.partial = torch.empty((*size, dim), dtype=partial, device=device)
        self.lse = torch.empty((*size, 2), device=device)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
        """q [R, H, D]; k, v [G, N, D], a layer's arena, the tokens' own keys in it -> [R, H, D].

        A token sees the keys of its path up to its own, with a window the last of those.
        """
        c, wide = self.choice, max(power_of_two(self.dim), 16)
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        shared_part[(self.programs,)](
            q, k, v, self.partial, self.lse, self.items, self.count, self.row_list, self.listed,
            self.bases, self.lengths, self.count, scale, 1.0, q.stride(0), k.stride(0),
            k.stride(1), self.lse.shape[1], HEADS=self.heads, GROUPS=self.kv_heads, DIM=self.dim,
            WIDE=wide, BM=c.tile, BN=c.block, STAGES=2 * c.stages - 1, LISTED=True, CAUSAL=True,
            WINDOW=window or 0, SOFTCAP=False, EARLY=False, num_warps=c.warps,
        )  # fmt: skip
        at_once = min(MERGED_HEADS, power_of_two(self.heads))
        merge[(len(q), -(-self.heads // at_once))](
            self.partial, self.lse, out, self.depths, out, out.stride(0), self.lse.shape[1],
            self.lse.shape[1], 0, HEADS=self.heads, DIM=self.dim, WIDE=wide, BH=at_once,
            SINKS=False, num_warps=4,
        )  # fmt: skip
        return out
