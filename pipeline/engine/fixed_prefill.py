"""Prefill in deterministic mode on a GPU: a token's bits do not depend on the pass it is in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.candidates import Chip
from kernels.prefix_tree_attention.fixed_prefill import PromptPlan
from kernels.prefix_tree_attention.fixed_work import Chunk as Keys
from kernels.prefix_tree_attention.fixed_work import cuts
from pipeline.engine.arena import KVLayer
from pipeline.engine.fixed_kernels import CHUNK, attention_parts
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.planning import Ints, to_device
from pipeline.engine.prefill import Chunk, wanted_rows

MOST_ROWS = 1024  # tokens of a pass: each leaves a partial for every chunk of keys that it sees


class FixedPasses:
    """In place of `prefill.ReferencePrefill`."""

    def __init__(self, model: FusedForward, layers: Sequence[KVLayer], chip: Chip) -> None:
        self._model, self._layers, self._chip = model, layers, chip

    @torch.inference_mode()
    def __call__(self, chunks: Sequence[Chunk]) -> Tensor:
        """Logits of the wanted tokens, [w of all chunks, V] float32."""
        return torch.cat([self._pass(part) for part in passes(chunks, MOST_ROWS)])

    def _pass(self, chunks: Sequence[Chunk]) -> Tensor:
        decoder = self._model.decoder
        a, device, dtype = decoder.architecture, decoder.device, decoder.dtype
        positions = to_device(
            np.concatenate([c.start + np.arange(len(c.tokens)) for c in chunks]), device
        )  # [R]
        plan = PromptPlan(
            key_chunks(chunks), positions, a.heads, a.kv_heads, a.head_dim, attention_parts(dtype),
            self._chip.multiprocessors, dtype,
        )  # fmt: skip
        hidden = self._model.hidden(
            to_device(np.concatenate([chunk.tokens for chunk in chunks]), device),
            positions,
            to_device(np.concatenate([chunk.stored for chunk in chunks]), device),
            plan,
            self._layers,
        )  # [R, hidden]
        return self._model.logits(hidden[to_device(wanted_rows(chunks), device)])


def passes(chunks: Sequence[Chunk], most: int) -> list[list[Chunk]]:
    """The same chunks, cut into passes of at most that many tokens."""
    made: list[list[Chunk]] = [[]]
    room = most
    for chunk in chunks:
        first = 0
        while first < len(chunk.tokens):
            if not room:
                made.append([])
                room = most
            last = min(first + room, len(chunk.tokens))
            made[-1].append(_part(chunk, first, last))
            room -= last - first
            first = last
    return made


def _part(chunk: Chunk, first: int, last: int) -> Chunk:
    wanted = chunk.wanted[(chunk.wanted >= first) & (chunk.wanted < last)] - first
    return Chunk(
        chunk.tokens[first:last], chunk.start + first, chunk.path[: chunk.start + last],
        chunk.stored[first:last], chunk.blocks, wanted,
    )  # fmt: skip


def key_chunks(chunks: Sequence[Chunk]) -> list[Keys]:
    """What the tokens of a pass attend to: keys up to the last token of each prompt's chunk."""
    rows: dict[tuple[int, bytes], list[Ints]] = {}
    keys: dict[tuple[int, bytes], tuple[Ints, int]] = {}  # slots, column
    base = 0
    for chunk in chunks:
        for column, (start, stop) in enumerate(cuts(len(chunk.path), CHUNK)):
            slots = chunk.path[start:stop]
            name = start, slots.tobytes()
            first = max(start - chunk.start, 0)  # token that sees the first of them
            rows.setdefault(name, []).append(np.arange(first, len(chunk.tokens)) + base)
            keys[name] = slots, column
        base += len(chunk.tokens)
    return [Keys(*keys[name], name[0], np.concatenate(parts)) for name, parts in rows.items()]
