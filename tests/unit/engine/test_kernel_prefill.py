"""Prefill by kernels, in Triton's interpreter, gives the reference's logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kernels.decode_step import few_rows
from kernels.prefix_tree_attention.candidates import Chip
from pipeline.bench.random_weights import Drawn
from pipeline.bench.shapes import architecture
from pipeline.engine.arena import Arena, Slots
from pipeline.engine.decoder import Decoder
from pipeline.engine.fused_forward import FusedForward
from pipeline.engine.kernel_prefill import KernelPrefill
from pipeline.engine.planning import BlockTable, Rounding
from pipeline.engine.prefill import Chunk, Prefill, ReferencePrefill

CPU = torch.device("cpu")
CHIP = Chip(2, 1e6, 1e8, False, 99 << 10)
HEADER, OWN = 40, 30  # tokens that two prompts share, and of each alone
TOKENS = np.random.default_rng(1).integers(0, 512, HEADER + 2 * OWN)


def logits(by_kernels: bool, dtype: torch.dtype = torch.float32) -> tuple[list[Tensor], Arena]:
    """Of a pass over the header and the first prompt, then one over both prompts' rest. dtype: of
    the computation; the weights are those of float16."""
    drawn = Drawn("Tiny", torch.float16, CPU)

    def weights(name: str) -> Tensor:  # matrices large enough that attention matters
        return (drawn(name) if "norm" in name else 10 * drawn(name)).to(dtype)

    decoder = Decoder(architecture("Tiny"), weights, 256)
    arena = Arena(decoder.architecture, dtype, CPU, 8, 1 << 24)
    header, first, second = (arena.slots(arena.take_pages(8)) for _ in range(3))
    blocks = BlockTable(64)
    prefill: Prefill
    if by_kernels:
        prefill = KernelPrefill(FusedForward(decoder), arena.layers, CHIP)
    else:
        prefill = ReferencePrefill(decoder, arena.layers, Rounding(None), blocks, CPU)
    paths = [np.concatenate([header[:HEADER], own[:OWN]]) for own in (first, second)]
    tokens = [np.delete(TOKENS, np.s_[HEADER + OWN :]), np.delete(TOKENS, np.s_[HEADER:-OWN])]
    ids = [blocks.add(path) for path in paths]

    def chunk(prompt: int, start: int, stop: int, wanted: list[int]) -> Chunk:
        path: Slots = paths[prompt][:stop]
        return Chunk(
            tokens[prompt][start:stop], start, path, path[start:], ids[prompt],
            np.array(wanted, np.int64),
        )  # fmt: skip

    end = HEADER + OWN
    found = [
        prefill([chunk(0, 0, HEADER + 7, [])]),
        prefill([
            chunk(0, HEADER + 7, end, [0, end - HEADER - 8]), chunk(1, HEADER, end, [OWN - 1])
        ]),
    ]  # fmt: skip
    return found, arena


def test_logits_and_keys_are_the_references() -> None:
    (nothing, found), arena = logits(by_kernels=True)
    (_, expected), reference = logits(by_kernels=False)
    assert len(nothing) == 0
    assert found.shape == (3, 512)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    for mine, theirs in zip(arena.layers, reference.layers, strict=True):
        torch.testing.assert_close(mine.k, theirs.k, atol=1e-3, rtol=1e-3)


def test_products_of_few_rows_are_nearer_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    (_, exact), _ = logits(by_kernels=False)
    (_, few), _ = logits(by_kernels=True, dtype=torch.float16)
    monkeypatch.setattr(few_rows, "ROWS", 0)
    (_, library), _ = logits(by_kernels=True, dtype=torch.float16)
    mine, other = ((x - exact).square().mean().sqrt() for x in (few, library))
    assert 0 < mine < other < 0.02 * exact.std()
