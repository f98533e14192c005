"""Decode steps on a GPU: one CUDA graph for each height of step and choice of kernels.

A step's inputs are static: the rows it takes, the plans of what they attend to and the rows' state
are rewritten in place, so that a graph stays right when sequences come, go and grow.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from kernels.decode_step.fused import gather_inputs
from kernels.prefix_tree_attention.tree import put
from pipeline.engine.arena import TRASH, Arena
from pipeline.engine.drawing import Draw
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.graphs_ahead import Asked, Graphs, Trees, heights, trees, worthwhile
from pipeline.engine.kernel_plans import Choices, Choosing, KernelPlans, shape_of
from pipeline.engine.planning import Ints, RowsOfPath
from pipeline.engine.rows import Rows


class DecodeStep:
    """Steps of one height. Rows that are not taken are `Rows.padding`, which changes nothing."""

    def __init__(
        self, height: int, plans: KernelPlans, forward: FusedForward, arena: Arena, state: Rows,
        draw: Draw, pool: Any, graphs: Graphs,
    ) -> None:  # fmt: skip
        """pool: of the graphs' memory; no two of them run at the same time."""
        self._plans, self._forward, self._arena, self._state = plans, forward, arena, state
        self._draw, self._pool, self._graphs = draw, pool, graphs
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

    def reserve(self, extremes: Sequence[Sequence[RowsOfPath]]) -> None:
        """Room for plans like these, and twice as much."""
        self._plans.reserve(extremes)

    @property
    def _needed(self) -> tuple[Any, ...]:
        """Changes when a graph has to be captured again."""
        return self._plans.version, self._arena.layers[0].k.data_ptr(), self._draw.version

    @property
    def stale(self) -> bool:
        """Whether `run` would capture first."""
        return self.rows.is_cuda and (self._graph is None or self._captured != self._needed)

    def refresh(self) -> None:
        """Captures the graph while samples are drawn, where that is needed."""
        if self.stale:
            self.capture()
            self._graphs.late += 1

    def run(self) -> Tensor:
        """One step. Returns [R] bool, which rows have ended; valid until the next step."""
        if not self.rows.is_cuda:  # Triton's interpreter
            return self._once()
        self.refresh()
        assert self._graph is not None
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

    @torch.inference_mode()
    def capture(self) -> None:
        """Captures the graph."""
        needed, rows = self._needed, self.rows.clone()
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
        self._graph, self._captured = graph, needed


class DecodeSteps:
    """The steps of one runner. Those that a session will need are captured before its first sample
    (`prepare`), the others when they are first needed."""

    def __init__(
        self, chooser: Choosing, forward: FusedForward, arena: Arena, state: Rows, draw: Draw,
        graphs: Graphs,
    ) -> None:  # fmt: skip
        self._chooser, self._forward, self._arena, self._state = chooser, forward, arena, state
        self._draw, self._graphs = draw, graphs
        self.heights = heights(state.padding)
        self._made: dict[tuple[int, Choices], DecodeStep] = {}
        cuda = forward.decoder.device.type == "cuda"
        self._pool = torch.cuda.graph_pool_handle() if cuda else None

    def height(self, rows: int) -> int:
        """Of the step that so many rows take."""
        return next(height for height in self.heights if height >= rows)

    def prepare(self, rows: int, free_rows: float, asked: Sequence[Asked]) -> None:
        """Captures what steps of at most `rows` rows will need, the largest first: smaller ones
        find room in its memory. free_rows: see `graphs_ahead.worthwhile`."""
        start = time.perf_counter()
        most = self._state.padding
        chosen = worthwhile(heights(most), rows, free_rows)
        lacking = [step for step in map(self._roomy, trees(chosen, asked)) if step.stale]
        self.heights = sorted({most, *chosen, *(height for height, _ in self._made)})
        with tqdm(
            lacking, desc="graphs  ", unit="graph", disable=None if lacking else True, leave=False
        ) as bar:
            for step in bar:
                step.capture()
        if lacking:
            torch.cuda.synchronize(self._forward.decoder.device)
            self._graphs.ahead += len(lacking)
            self._graphs.ahead_seconds += time.perf_counter() - start

    def _roomy(self, expected: Trees) -> DecodeStep:
        """The step for such trees; where it is new, its plans have room for twice as much."""
        known = len(self._made)
        step = self._at(expected.height, expected.usual)
        if len(self._made) > known:
            step.reserve(expected.extremes)
        return step

    def _at(self, height: int, paths: Sequence[RowsOfPath]) -> DecodeStep:
        decoder = self._forward.decoder
        own, page = self._state.slots.shape[1], self._arena.page_size
        shape = shape_of(decoder.architecture, height, page, own)
        choices = self._chooser.choices(shape, paths, own, decoder.architecture, decoder.dtype)
        if (height, choices) not in self._made:
            plans = KernelPlans(self._chooser.chip, shape, choices, decoder.dtype, decoder.device)
            self._made[height, choices] = DecodeStep(
                height, plans, self._forward, self._arena, self._state, self._draw,
                self._pool, self._graphs,
            )  # fmt: skip
        return self._made[height, choices]

    def step(self, rows: Ints, paths: Sequence[RowsOfPath]) -> DecodeStep:
        """The step for rows [n], set up for them."""
        step = self._at(self.height(len(rows)), paths)
        step.take(rows, paths)
        return step
