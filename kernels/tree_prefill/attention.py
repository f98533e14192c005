"""Launch of the prefill kernel. Needs Triton."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from kernels.prefix_tree_attention.choice import power_of_two
from kernels.tree_prefill.plan import ITEM_COLUMNS, RUN_COLUMNS, Path, work_of
from kernels.tree_prefill.triton_kernels.attend import attend

TOGETHER = 4  # KV heads
SMALL_BYTES = 116 << 10  # of shared memory; with less a step fewer is on its way


@dataclass(frozen=True, slots=True)
class Tiles:
    """What a program computes, and how."""

    tile: int  # (token, head) pairs
    block: int  # keys a step
    stages: int  # steps whose keys are on their way, those being used counted in
    warps: int


def tiles_for(dim: int, dtype: torch.dtype, shared_bytes: int = SMALL_BYTES) -> Tiles:
    """The tiles of a head dimension, whatever the pass.

    Of 33 tried on an H100 at dimension 128 these reach 96 % of the best rate or more in 9 of 15
    cases, 75 % in the worst (many short prompts, 32/8 heads). Other dimensions are not tuned.

    shared_bytes: shared memory that one program can have; of no effect on a result.
    """
    if dtype == torch.float32:
        return Tiles(16, 16, 2, 4)
    return Tiles(64, 64, 3 if dim <= 128 and shared_bytes >= SMALL_BYTES else 2, 4)


class PrefillPlan:
    """What the tokens of one pass attend to, for every layer."""

    def __init__(
        self, paths: Sequence[Path], heads: int, kv_heads: int, dim: int, tiles: Tiles,
        device: torch.device,
    ) -> None:  # fmt: skip
        """paths: of the prompts in the pass, in the order of its rows, none empty."""
        share = heads // kv_heads
        tiles = replace(tiles, tile=max(tiles.tile, power_of_two(share)))
        self.tiles, self.heads, self.kv_heads, self.dim = tiles, heads, kv_heads, dim
        self.rows = sum(path.tokens for path in paths)
        work = work_of(paths, share, tiles.tile, tiles.block)
        whole = torch.from_numpy(
            np.concatenate([work.items.reshape(-1), work.runs.reshape(-1), work.listed])
        )
        if device.type == "cuda":
            whole = whole.pin_memory()
        whole = whole.to(device, non_blocking=True)
        items, runs = work.items.size, work.runs.size
        self.items = whole[:items].view(-1, len(ITEM_COLUMNS))
        self.runs = whole[items : items + runs].view(-1, len(RUN_COLUMNS))
        self.listed = whole[items + runs :]

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None,
        softcap: float | None = None, sinks: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Causal attention over the tree in one pass (arXiv 2205.14135), in float32.

        q: [R, H, D] of the pass's tokens, heads contiguous; k, v: [G, N, D] contiguous, a layer's
        arena, the tokens' own keys in it; scale: multiplies the scores; window: a key is seen while
        query - key < window; softcap, sinks: as in `prefix_tree_attention.decode`. A token sees the
        keys of its path up to its own. Returns [R, H, D] in q's dtype.
        """
        t, groups = self.tiles, self.kv_heads
        if q.shape != (self.rows, self.heads, self.dim) or not k.is_contiguous():
            raise ValueError(f"q {tuple(q.shape)}, k {tuple(k.shape)}: not of the plan")
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        wide = max(power_of_two(self.dim), 16)
        described = k.element_size() == 2
        if described:
            keys, values = (
                TensorDescriptor.from_tensor(x.flatten(0, 1), [t.block, wide]) for x in (k, v)
            )
        else:
            keys, values = k, v
        attend[(len(self.items) * groups,)](
            q, k, v, keys, values, out, self.items, self.runs, self.listed,
            q if sinks is None else sinks, scale, softcap or 1.0, q.stride(0), out.stride(0),
            k.stride(0), k.stride(1), len(self.items), k.shape[1], HEADS=self.heads, GROUPS=groups,
            DIM=self.dim, WIDE=wide, BM=t.tile, BN=t.block, STAGES=t.stages, DESCRIBED=described,
            TOGETHER=math.gcd(groups, TOGETHER), WINDOW=window or 0, SOFTCAP=softcap is not None,
            SINKS=sinks is not None, num_warps=t.warps,
        )  # fmt: skip
        return out
