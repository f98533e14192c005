"""Prefill by kernels, on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.candidates import Chip
from kernels.tree_prefill.attention import PrefillPlan, tiles_for
from kernels.tree_prefill.plan import Path
from pipeline.engine.arena import KVLayer
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.planning import to_device
from pipeline.engine.prefill import Chunk, wanted_rows


class KernelPrefill:
    """In place of `prefill.ReferencePrefill`. Where the model's products give a row the same bits
    in every batch, a token's bits do not depend on the pass that it is in."""

    def __init__(self, model: FusedForward, layers: Sequence[KVLayer], chip: Chip) -> None:
        decoder = model.decoder
        self._model, self._layers = model, layers
        self._tiles = tiles_for(decoder.architecture.head_dim, decoder.dtype, chip.shared_bytes)

    @torch.inference_mode()
    def __call__(self, chunks: Sequence[Chunk]) -> Tensor:
        """Logits of the wanted tokens, [w of all chunks, V] float32."""
        decoder = self._model.decoder
        a, device = decoder.architecture, decoder.device
        paths = [Path(chunk.path, len(chunk.tokens)) for chunk in chunks]
        plan = PrefillPlan(paths, a.heads, a.kv_heads, a.head_dim, self._tiles, device)
        wanted = wanted_rows(chunks)
        both = to_device(  # one copy
            np.concatenate([
                *(chunk.tokens for chunk in chunks),
                *(chunk.start + np.arange(len(chunk.tokens)) for chunk in chunks),
                *(chunk.stored for chunk in chunks),
                wanted,
            ]),
            device,
        )  # fmt: skip
        tokens, positions, stored = both[: 3 * plan.rows].view(3, -1)  # [R] each
        hidden = self._model.hidden(tokens, positions, stored, plan, self._layers)  # [R, hidden]
        if not len(wanted):
            return torch.empty(0)
        return self._model.logits(hidden[both[3 * plan.rows :]])
