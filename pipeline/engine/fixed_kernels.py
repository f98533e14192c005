"""Deterministic mode on a GPU: kernels in which a row's bits depend on that row alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kernels.prefix_tree_attention.candidates import Chip
from kernels.prefix_tree_attention.choice import Parts, Shape
from kernels.tree_prefill.attention import tiles_for
from pipeline.engine.architecture import Architecture
from pipeline.engine.kernel_plans import Choices
from pipeline.engine.planning import Rounding, RowsOfPath

CHUNK = 256  # keys of a prompt in one partial
SPLIT = 512  # own keys of a row in one partial
HALF = Parts(tile=64, block=64, stages=3, own_block=32, chunk=CHUNK, own_split=SPLIT)
FLOAT32 = Parts(
    tile=16, block=16, stages=2, own_block=16, own_stages=1, own_warps=4, chunk=CHUNK,
    own_split=SPLIT,
)  # fmt: skip
ROUNDING = Rounding(None, fixed=True)


def attention_parts(dtype: torch.dtype) -> Parts:
    """Tiles and cuts of decode attention in that dtype."""
    return FLOAT32 if dtype == torch.float32 else HALF


def shapes(dtype: torch.dtype, head_dim: int) -> list[int | None]:
    """Everything that the order of a sum depends on, for the identity of what is sampled."""
    p, prompts = attention_parts(dtype), tiles_for(head_dim, dtype)
    return [
        p.tile, p.block, p.chunk, p.warps, p.own_block, p.own_split, p.own_warps, prompts.tile,
        prompts.block, prompts.warps,
    ]  # fmt: skip


class FixedChooser:
    """In place of `kernel_plans.Chooser`: the same kernels whatever the step looks like."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip

    @property
    def chip(self) -> Chip:
        return self._chip

    def choices(
        self, shape: Shape, paths: Sequence[RowsOfPath], own: int, architecture: Architecture,
        dtype: torch.dtype,
    ) -> Choices:  # fmt: skip
        """As `kernel_plans.Chooser.choices`."""
        parts, windows = attention_parts(dtype), architecture.windows
        return Choices(
            parts if any(window is None for window in windows) else None,
            parts if any(window is not None for window in windows) else None,
        )
