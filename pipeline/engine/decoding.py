"""The decode loop's device side: a prefill pass, a decode step.

Everything a step needs lies on the device: the step reads its rows' state, runs the model, draws
tokens and writes the state back. The host is told which rows have ended, and may look later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention import AttentionPlan, OwnKeys, SharedItems
from kernels.prefix_tree_attention.candidates import Chip
from pipeline.engine.arena import Arena
from pipeline.engine.decoder import Decoder
from pipeline.engine.drawing import Draw
from pipeline.engine.graphs_ahead import Asked, Graphs
from pipeline.engine.kernel_plans import Chooser, Choosing, chip_for
from pipeline.engine.planning import (
    BlockTable,
    Ints,
    Rounding,
    RowsOfPath,
    shared_items,
    to_device,
)
from pipeline.engine.prefill import Prefill, ReferencePrefill
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables

if TYPE_CHECKING:  # it needs Triton
    from pipeline.engine.decode_steps import DecodeStep, DecodeSteps


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows that pass through the model together while decoding."""

    host: Ints  # [n] rows; those that have ended are padding's (`seats.Seats`)
    rows: Tensor  # [R] the same on the device, padded with Rows.padding to the tile's height
    shared: SharedItems | None
    shared_tokens: int  # keys of shared segments that a step reads
    step: DecodeStep | None  # in place of `shared` where there are kernels


class Runner:
    """Runs the model over rows. Knows the cache only as layers that keys are appended to."""

    def __init__(
        self,
        decoder: Decoder,
        arena: Arena,
        rows: Rows,
        rounding: Rounding,
        sampler: Sampler,
        stops: StopTables,
        blocks: BlockTable,
        graphs: Graphs | None = None,
    ) -> None:
        """graphs: where captures are counted."""
        self.rows = rows
        self._graphs = graphs or Graphs()
        self._decoder = decoder
        self.arena = arena
        self._rounding = rounding
        self._draw = Draw(rows, sampler, stops)
        self.blocks = blocks
        self._steps: DecodeSteps | None = None
        # Rows whose products take as long as reading the weights does: up to so many are free.
        self.free_rows = 0.0
        # Tiles of a fixed height are the reference's.
        chip = chip_for(decoder.device, arena.page_size) if rounding.tile is None else None
        self.prefill: Prefill = ReferencePrefill(
            decoder, arena.layers, rounding, blocks, decoder.device
        )
        if chip is not None:
            self.free_rows = chip.operations_per_us / chip.bytes_per_us
            self._use_kernels(chip, sampler, stops)

    def _use_kernels(self, chip: Chip, sampler: Sampler, stops: StopTables) -> None:
        from kernels.fixed_shape.product import Product
        from pipeline.engine.decode_steps import DecodeSteps
        from pipeline.engine.fixed_kernels import FixedChooser
        from pipeline.engine.fused_forward import FusedForward
        from pipeline.engine.kernel_drawing import KernelDraw
        from pipeline.engine.kernel_prefill import KernelPrefill

        chooser: Choosing
        if self._rounding.fixed:
            forward, chooser = FusedForward(self._decoder, Product()), FixedChooser(chip)
        else:
            forward, chooser = FusedForward(self._decoder), Chooser(chip)
        self._draw = KernelDraw(self.rows, sampler, stops)
        self.prefill = KernelPrefill(forward, self.arena.layers, chip)
        self._steps = DecodeSteps(chooser, forward, self.arena, self.rows, self._draw, self._graphs)

    def clear(self) -> None:
        """Forgets all sequences and their memory."""
        self.arena.clear()
        self.blocks.clear()

    def prepare(self, rows: int, asked: Sequence[Asked]) -> None:
        """Captures the graphs that steps of at most `rows` rows will need."""
        if self._steps is not None and rows and asked:
            self._steps.prepare(rows, self.free_rows, asked)

    @property
    def heights(self) -> Sequence[int]:
        """Of steps, ascending; none where a step is as high as it has rows."""
        return () if self._steps is None else self._steps.heights

    def height(self, rows: int) -> int:
        """Rows that the model sees in a step of so many, padding included."""
        return rows if self._steps is None or not rows else self._steps.height(rows)

    def refresh(self, tile: Tile) -> None:
        """Makes ready what the tile's step lacks, so that `decode` does nothing but decode."""
        if tile.step is not None:
            tile.step.refresh()

    def tiles(self, paths: Sequence[RowsOfPath]) -> list[Tile]:
        """Cuts the rows being decoded into tiles, rows of one path next to each other."""
        order = np.concatenate([path.rows for path in paths])
        if self._steps is not None:
            return [self._step(order, paths)]
        path_of = np.repeat(np.arange(len(paths)), [len(path.rows) for path in paths])
        height = self._rounding.tile or len(order)
        tiles = []
        for start in range(0, len(order), height):
            part = order[start : start + height]
            owner = path_of[start : start + height]
            inside = [
                RowsOfPath(np.flatnonzero(owner == i), paths[i].blocks, paths[i].runs)
                for i in np.unique(owner)
            ]
            padded = len(part) if self._rounding.tile is None else self._rounding.tile
            rows = np.full(padded, self.rows.padding, np.int64)
            rows[: len(part)] = part
            device = self._decoder.device
            items = shared_items(inside, padded, self._rounding.decode_rows, self.blocks, device)
            read = self.blocks.tokens(np.concatenate([path.blocks for path in inside]))
            tiles.append(Tile(part, to_device(rows, device), items, read, None))
        return tiles

    def _step(self, order: Ints, paths: Sequence[RowsOfPath]) -> Tile:
        """One tile of all rows, decoded by kernels. order: the rows of the paths in turn."""
        assert self._steps is not None
        ends = np.cumsum([len(path.rows) for path in paths])
        inside = [
            RowsOfPath(np.arange(end - len(path.rows), end), path.blocks, path.runs)
            for end, path in zip(ends, paths, strict=True)
        ]
        step = self._steps.step(order, inside)
        read = self.blocks.tokens(np.concatenate([path.blocks for path in paths]))
        return Tile(order, step.rows, None, read, step)

    @torch.inference_mode()
    def decode(self, tile: Tile, longest: int) -> Tensor:
        """One token for each row of the tile. longest: own tokens of the longest row.

        Returns [n] bool, on the device: which rows have ended, now or before.
        """
        if tile.step is not None:
            return tile.step.run()[: len(tile.host)]
        state, rows = self.rows, tile.rows
        count = state.count[rows]  # [R]
        prompt = state.prompt[rows]  # [R]
        positions = prompt + count - 1  # [R]
        own = state.slots[rows]  # [R, M]
        plan = AttentionPlan(positions, tile.shared, self._own_keys(own, prompt, longest))
        hidden = self._decoder.hidden(
            state.token[rows],
            positions,
            own.gather(1, count[:, None] - 1).squeeze(1),
            plan,
            self.arena.layers,
        )  # [R, hidden]
        ended = self._draw(rows, self._decoder.logits(hidden), len(tile.host))
        state.count[state.padding :].fill_(1)  # idle places of the tile are padding's
        return ended

    @torch.inference_mode()
    def first(self, rows: Tensor, logits: Tensor) -> Tensor:
        """Draws the first token of rows [n] from their prompts' logits [n, V]; as `decode`."""
        return self._draw(rows, logits, len(rows))

    def _own_keys(self, slots: Tensor, prompt: Tensor, longest: int) -> OwnKeys:
        """slots [R, M], prompt [R] -> the first `longest` own keys of each row, in whole blocks."""
        block = self._rounding.own_block
        length = -(-longest // block) * block  # L
        keys = slots[:, :length]
        if keys.shape[1] < length:
            keys = torch.nn.functional.pad(keys, (0, length - keys.shape[1]))
        positions = prompt[:, None] + torch.arange(length, device=slots.device)  # [R, L]
        return OwnKeys(keys, positions, block if self._rounding.tile else length)
