"""Prefill: keys and values of prompt tokens, many prompts' chunks in one pass of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention import AttentionPlan
from pipeline.engine.arena import TRASH, KVLayer, Slots
from pipeline.engine.parts import StepPlan
from pipeline.engine.planning import (
    BlockTable,
    Ints,
    Rounding,
    RowsOfPath,
    shared_items,
    to_device,
)


class Model(Protocol):
    """What `Decoder` and `FusedForward` offer."""

    def hidden(
        self, tokens: Tensor, positions: Tensor, slots: Tensor, plan: StepPlan,
        caches: Sequence[KVLayer],
    ) -> Tensor: ...  # fmt: skip

    def logits(self, hidden: Tensor) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Adjacent tokens of one prompt. Earlier ones are in the arena or in an earlier chunk."""

    tokens: Ints  # [n]
    start: int  # position of the first
    path: Slots  # [start + n] slots from the root to the last
    stored: Slots  # [n] slots that are written; TRASH where a key is there already
    blocks: Ints  # the path's, root first; those behind the chunk do no harm
    wanted: Ints  # [w] tokens of the chunk whose logits are wanted


Prefill = Callable[[Sequence[Chunk]], Tensor]  # see `ReferencePrefill.__call__`


class ReferencePrefill:
    """Prefill by the PyTorch reference."""

    def __init__(
        self, model: Model, layers: Sequence[KVLayer], rounding: Rounding, blocks: BlockTable,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._model, self._layers = model, layers
        self._rounding, self._blocks, self._device = rounding, blocks, device

    @torch.inference_mode()
    def __call__(self, chunks: Sequence[Chunk]) -> Tensor:
        """Logits of the wanted tokens, [w of all chunks, V] float32."""
        tokens = np.concatenate([chunk.tokens for chunk in chunks])
        positions = np.concatenate([c.start + np.arange(len(c.tokens)) for c in chunks])
        stored = np.concatenate([chunk.stored for chunk in chunks])
        last = wanted_rows(chunks)
        paths = self._paths(chunks)
        height = self._rounding.tile or len(tokens)
        logits = []
        for start in range(0, len(tokens), height):
            stop = start + height
            padded = height if self._rounding.tile else len(tokens[start:stop])
            inside = [
                RowsOfPath(
                    path.rows[(path.rows >= start) & (path.rows < stop)] - start, path.blocks
                )
                for path in paths
            ]
            hidden = self._tile(
                _padded(tokens[start:stop], padded, 0),
                _padded(positions[start:stop], padded, 0),
                _padded(stored[start:stop], padded, TRASH),
                inside,
            )  # [R, hidden]
            wanted = last[(last >= start) & (last < stop)] - start
            if len(wanted):
                at = to_device(wanted, self._device)
                if self._rounding.tile:  # the product with the output matrix keeps its shape too
                    logits.append(self._model.logits(hidden)[at])
                else:
                    logits.append(self._model.logits(hidden[at]))
        return torch.cat(logits) if logits else torch.empty(0)

    def _paths(self, chunks: Sequence[Chunk]) -> list[RowsOfPath]:
        """Rows of one block of keys attend to the same blocks."""
        paths = []
        base, block = 0, self._blocks.block
        for chunk in chunks:
            position, stop = chunk.start, chunk.start + len(chunk.tokens)
            while position < stop:
                end = min((position // block + 1) * block, stop)
                rows = np.arange(position, end, dtype=np.int64) + base - chunk.start
                paths.append(RowsOfPath(rows, chunk.blocks[: position // block + 1]))
                position = end
            base += len(chunk.tokens)
        return paths

    def _tile(
        self, tokens: Ints, positions: Ints, stored: Slots, paths: list[RowsOfPath]
    ) -> Tensor:
        items = shared_items(
            paths, len(tokens), self._rounding.prefill_rows, self._blocks, self._device
        )
        at = to_device(positions, self._device)
        return self._model.hidden(
            to_device(tokens, self._device),
            at,
            to_device(stored, self._device),
            AttentionPlan(at, items, None),
            self._layers,
        )


def wanted_rows(chunks: Sequence[Chunk]) -> Ints:
    """Rows of a pass over all chunks whose logits are wanted."""
    bases = np.cumsum([0, *(len(chunk.tokens) for chunk in chunks)])
    return np.concatenate([c.wanted + base for c, base in zip(chunks, bases, strict=False)])


def _padded(values: Ints, length: int, fill: int) -> Ints:
    return np.pad(values, (0, length - len(values)), constant_values=fill)
