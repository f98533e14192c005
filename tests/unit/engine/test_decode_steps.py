"""Decode steps by kernels, in Triton's interpreter, draw what the reference draws."""

from __future__ import annotations

from unittest import mock

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.candidates import Chip
from pipeline.bench.random_weights import Drawn
from pipeline.bench.shapes import architecture
from pipeline.engine import decoding
from pipeline.engine.decoder import Decoder
from tests.shared_prompt import SharedPromptBatch

CHIP = Chip(2, 1e6, 1e8, False, 99 << 10)
ROWS, STEPS = 9, 4


def batch(chip: Chip | None, most: int = ROWS) -> SharedPromptBatch:
    """Its keys are the same in every call."""
    drawn = Drawn("Tiny", torch.float32, torch.device("cpu"))

    def weights(name: str) -> Tensor:  # matrices large enough that attention matters
        return drawn(name) if "norm" in name else 10 * drawn(name)

    torch.manual_seed(5)
    with mock.patch.object(decoding, "chip_for", return_value=chip):
        return SharedPromptBatch(Decoder(architecture("Tiny"), weights, 2048), 60, most, 20)


def tokens(made: SharedPromptBatch) -> Tensor:
    made.state.token[:-1] = torch.arange(len(made.state.token) - 1)
    for own in range(1, STEPS + 1):
        made.step(own)
    return made.state.ids[:, 1 : STEPS + 1].clone()


def test_a_step_draws_the_tokens_of_the_reference() -> None:
    expected = tokens(batch(None))
    assert torch.equal(tokens(batch(CHIP))[:-1], expected[:-1])
    assert len(set(expected[:-1].flatten().tolist())) > ROWS


def test_padding_changes_nothing() -> None:
    """Nine rows in a step of twelve: the places that are left are padding's."""
    whole = batch(CHIP, 12)
    expected = tokens(whole)[:9]
    part = batch(CHIP, 12)
    part.take(np.arange(9))
    assert part.tile.step is not None
    assert part.tile.step.rows.tolist() == [*range(9), 12, 12, 12]
    assert torch.equal(tokens(part)[:9], expected)
    assert part.state.count[-1] == 1
    assert (part.state.count[9:12] == 1).all()
