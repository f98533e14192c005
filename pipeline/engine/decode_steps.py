"""Decode steps on a GPU: static inputs for each height of step and choice of kernels.

The rows that a step takes, the plans of what they attend to and the rows' state are rewritten in
place when sequences come, go and grow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kernels.decode_step.fused import gather_inputs
from kernels.prefix_tree_attention.tree import put
from pipeline.engine.arena import TRASH, Arena
from pipeline.engine.drawing import Draw
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.kernel_plans import Choices, Chooser, KernelPlans, shape_of
from pipeline.engine.planning import Ints, RowsOfPath
from pipeline.engine.rows import Rows


def heights(most: int) -> list[int]:
    """Heights of steps up to `most` rows: powers of two and, from 8 on, three quarters of them."""
    steps = [1, 2, 4]
    size = 8
    while steps[-1] < most:
        steps += [size, size * 3 // 2]
        size *= 2
    return [height for height in steps if height < most] + [most]


class DecodeStep:
    """Steps of one height. Rows that are not taken are `Rows.padding`, which changes nothing."""

    def __init__(
        self, height: int, plans: KernelPlans, forward: FusedForward, arena: Arena, state: Rows,
        draw: Draw,
    ) -> None:  # fmt: skip
        self._plans, self._forward, self._arena, self._state = plans, forward, arena, state
        self._draw = draw
        device = forward.decoder.device
        self.rows = torch.full((height,), state.padding, device=device)

    def take(self, rows: Ints, paths: Sequence[RowsOfPath]) -> None:
        """rows: [n], n at most the height; paths: which of these n attend to what."""
        self.rows[len(rows) :].fill_(self._state.padding)
        put(self.rows, rows)
        self._plans.update(paths)

    def run(self) -> Tensor:
        """One step. Returns [R] bool, which rows have ended."""
        return self._once()

    def _once(self) -> Tensor:
        s = self._state
        x, positions, slots, lengths, pages = gather_inputs(
            self.rows, s.token, s.prompt, s.count, s.ended, s.slots,
            self._forward.decoder.embedding, self._arena.page_size, TRASH,
        )  # fmt: skip
        plan = self._plans.step(lengths, pages)
        logits = self._forward.step(x, positions, slots, plan, self._arena.layers)
        ended = self._draw(self.rows, logits.float(), len(self.rows))
        s.count[s.padding :].fill_(1)
        return ended


class DecodeSteps:
    """The steps of one run, made when they are first needed."""

    def __init__(
        self, chooser: Chooser, forward: FusedForward, arena: Arena, state: Rows, draw: Draw
    ) -> None:  # fmt: skip
        self._chooser, self._forward, self._arena, self._state = chooser, forward, arena, state
        self._draw = draw
        self._heights = heights(state.padding)
        self._made: dict[tuple[int, Choices], DecodeStep] = {}

    def step(self, rows: Ints, paths: Sequence[RowsOfPath]) -> DecodeStep:
        """The step for rows [n], set up for them."""
        height = next(h for h in self._heights if h >= len(rows))
        decoder = self._forward.decoder
        own, page = self._state.slots.shape[1], self._arena.page_size
        shape = shape_of(decoder.architecture, height, page, own)
        choices = self._chooser.choices(shape, paths, own, decoder.architecture, decoder.dtype)
        if (height, choices) not in self._made:
            plans = KernelPlans(self._chooser.chip, shape, choices, decoder.dtype, decoder.device)
            self._made[height, choices] = DecodeStep(
                height, plans, self._forward, self._arena, self._state, self._draw,
            )  # fmt: skip
        step = self._made[height, choices]
        step.take(rows, paths)
        return step
