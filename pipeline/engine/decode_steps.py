"""Decode steps on a GPU: one CUDA graph for each height of step and choice of kernels.

A step's inputs are static: the rows it takes, the plans of what they attend to and the rows' state
are rewritten in place, so that a graph stays right when sequences come, go and grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kernels.decode_step.fused import gather_inputs
from kernels.prefix_tree_attention.tree import put
from pipeline.engine.arena import TRASH, Arena
from pipeline.engine.drawing import Draw
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.kernel_plans import Choices, Choosing, KernelPlans, shape_of
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
        draw: Draw, pool: Any,
    ) -> None:  # fmt: skip
        """pool: of the graphs' memory; no two of them run at the same time."""
        self._plans, self._forward, self._arena, self._state = plans, forward, arena, state
        self._draw, self._pool = draw, pool
        device = forward.decoder.device
        self.rows = torch.full((height,), state.padding, device=device)
        self._ended = torch.zeros(height, dtype=torch.bool, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._captured: tuple[Any, ...] = ()

    def take(self, rows: Ints, paths: Sequence[RowsOfPath]) -> None:
        """rows: [n], n at most the height; paths: which of these n attend to what."""
        self.rows[len(rows) :].fill_(self._state.padding)
        put(self.rows, rows)
        self._plans.update(paths)

    def run(self) -> Tensor:
        """One step. Returns [R] bool, which rows have ended; valid until the next step."""
        if not self.rows.is_cuda:  # Triton's interpreter
            return self._once()
        needed = (self._plans.version, self._arena.layers[0].k.data_ptr(), self._draw.version)
        if self._graph is None or needed != self._captured:
            self._graph = self._capture()
            self._captured = needed
        self._graph.replay()
        return self._ended

    def _once(self) -> Tensor:
        s = self._state
        x, positions, slots, lengths, pages = gather_inputs(
            self.rows, s.token, s.prompt, s.count, s.ended, s.slots,
            self._forward.decoder.embedding, self._arena.page_size, TRASH,
        )  # fmt: skip
        plan = self._plans.step(lengths, pages)
        logits = self._forward.step(x, positions, slots, plan, self._arena.layers)
        ended = self._draw(self.rows, logits, len(self.rows))
        s.count[s.padding :].fill_(1)
        return ended

    def _capture(self) -> torch.cuda.CUDAGraph:
        rows = self.rows.clone()
        self.rows.fill_(self._state.padding)
        here = torch.cuda.current_stream()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no types
        side.wait_stream(here)
        with torch.cuda.stream(side):
            self._once()  # compiles kernels and loads those of libraries
        here.wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        # Other threads of the run may use the device meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            self._ended.copy_(self._once())
        self.rows.copy_(rows)
        return graph


class DecodeSteps:
    """The steps of one run, made when they are first needed."""

    def __init__(
        self, chooser: Choosing, forward: FusedForward, arena: Arena, state: Rows, draw: Draw
    ) -> None:  # fmt: skip
        self._chooser, self._forward, self._arena, self._state = chooser, forward, arena, state
        self._draw = draw
        self._heights = heights(state.padding)
        self._made: dict[tuple[int, Choices], DecodeStep] = {}
        cuda = forward.decoder.device.type == "cuda"
        self._pool = torch.cuda.graph_pool_handle() if cuda else None

    def captured(self, rows: int) -> bool:
        """Whether there has been a step of the height for so many rows."""
        wanted = self._height(rows)
        return any(height == wanted for height, _ in self._made)

    def _height(self, rows: int) -> int:
        return next(height for height in self._heights if height >= rows)

    def step(self, rows: Ints, paths: Sequence[RowsOfPath]) -> DecodeStep:
        """The step for rows [n], set up for them."""
        height = self._height(len(rows))
        decoder = self._forward.decoder
        own, page = self._state.slots.shape[1], self._arena.page_size
        shape = shape_of(decoder.architecture, height, page, own)
        choices = self._chooser.choices(shape, paths, own, decoder.architecture, decoder.dtype)
        if (height, choices) not in self._made:
            plans = KernelPlans(self._chooser.chip, shape, choices, decoder.dtype, decoder.device)
            self._made[height, choices] = DecodeStep(
                height, plans, self._forward, self._arena, self._state, self._draw,
                self._pool,
            )  # fmt: skip
        step = self._made[height, choices]
        step.take(rows, paths)
        return step
