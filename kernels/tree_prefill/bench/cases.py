"""The shapes that are timed, and a pass of each on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from kernels.tree_prefill.attention import PrefillPlan, Tiles
from kernels.tree_prefill.plan import Path

PAGE = 16
HEADS = ((32, 32), (32, 8), (12, 2))
DIM = 128
BACKENDS = {"flash": SDPBackend.FLASH_ATTENTION, "cuDNN": SDPBackend.CUDNN_ATTENTION}


@dataclass(frozen=True, slots=True)
class Case:
    """Attention of one layer in one pass, bf16."""

    name: str
    heads: int
    kv_heads: int
    header: int  # tokens that all prompts share, not in the pass
    prompts: tuple[int, ...]  # tokens of each prompt in the pass

    @property
    def operations(self) -> int:
        """Of the two matrix products over what is not masked, a multiply-add as two."""
        n = np.array(self.prompts, np.int64)
        return int(4 * self.heads * DIM * (n * self.header + n * (n + 1) // 2).sum())

    @property
    def bytes(self) -> int:
        """Queries and results, keys and values of each token once."""
        tokens = sum(self.prompts)
        return 2 * 2 * DIM * (self.heads * tokens + self.kv_heads * (self.header + tokens))

    @property
    def square(self) -> bool:
        """Whether PyTorch's attention can do it as one batch."""
        return not self.header and len(set(self.prompts)) == 1


def cases() -> list[Case]:
    random = np.random.default_rng(0)
    short = tuple(random.integers(60, 241, 164).tolist())
    shapes: list[tuple[str, int, tuple[int, ...]]] = [
        ("1 x 8192", 0, (8192,)),
        ("4 x 2048", 0, (2048,) * 4),
        ("1 x 2048 behind 6144", 6144, (2048,)),
        ("164 of 60 to 240", 0, short),
        ("32 x 200 behind a header of 1500", 1500, (200,) * 32),
    ]
    return [
        Case(f"{heads}/{kv_heads}, {name}", heads, kv_heads, header, prompts)
        for heads, kv_heads in HEADS
        for name, header, prompts in shapes
    ]


class Pass:
    """A case on the device."""

    def __init__(self, case: Case, device: torch.device) -> None:
        self.case, self.device = case, device
        starts = np.cumsum([0, *(-(-n // PAGE) * PAGE for n in (case.header, *case.prompts))])
        header = np.arange(case.header)
        self.paths = [
            Path(np.concatenate([header, start + np.arange(n)]), n)
            for start, n in zip(starts[1:-1], case.prompts, strict=True)
        ]

        def normal(*size: int) -> Tensor:
            return torch.empty(size, dtype=torch.bfloat16, device=device).normal_()

        self.q = normal(sum(case.prompts), case.heads, DIM)
        self.k = normal(case.kv_heads, int(starts[-1]), DIM)
        self.v = normal(case.kv_heads, int(starts[-1]), DIM)

    def plan(self, tiles: Tiles) -> PrefillPlan:
        return PrefillPlan(self.paths, self.case.heads, self.case.kv_heads, DIM, tiles, self.device)

    def call(self, tiles: Tiles) -> Callable[[], Tensor]:
        plan = self.plan(tiles)
        return lambda: plan.attend(self.q, self.k, self.v, DIM**-0.5, None)

    def contender(self, backend: str) -> Callable[[], Tensor]:
        """PyTorch's attention of a square case, everything lying as it likes it."""
        batch = len(self.case.prompts)
        share = self.case.heads // self.case.kv_heads
        q = self.q.view(batch, -1, self.case.heads, DIM).transpose(1, 2).contiguous()
        k, v = (
            x[:, : q.shape[2] * batch].view(len(x), batch, -1, DIM).transpose(0, 1).contiguous()
            for x in (self.k, self.v)
        )  # [B, G, n, D]
        if share > 1 and backend == "flash":  # it has no groups
            k, v = (x.repeat_interleave(share, 1) for x in (k, v))

        def call() -> Tensor:
            with sdpa_kernel(BACKENDS[backend]):
                return F.scaled_dot_product_attention(
                    q, k, v, is_causal=True, enable_gqa=k.shape[1] != q.shape[1]
                )

        return call
