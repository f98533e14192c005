"""Deterministic mode with the kernels of a GPU, by Triton's interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor

from kernels.prefix_tree_attention.candidates import Chip
from pipeline.bench.random_weights import Drawn
from pipeline.bench.shapes import architecture
from pipeline.engine import decoding, engine
from pipeline.engine.decoder import Decoder
from pipeline.engine.row_independence import check_heights
from pipeline.records import UserError
from tests.interpreter import products_in_one_order
from tests.unit.engine.helpers import completer, request

CHIP = Chip(2, 1e6, 1e8, False, 99 << 10)
HEADER = "def add(a, b):\n    return a + b\n" * 2
Bits = tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]


@pytest.fixture(autouse=True)
def _kernels() -> Iterator[None]:
    with (
        mock.patch.object(decoding, "chip_for", return_value=CHIP),
        mock.patch.object(engine, "chip_for", return_value=CHIP),
        products_in_one_order(),
    ):
        yield


def drawn(folder: Path, requests: list[Any], **settings: Any) -> dict[tuple[str, int], Bits]:
    made = completer(folder, sampling={"max_new_tokens": 4}, deterministic=True, **settings)
    return {
        (c.candidate.task_id, c.candidate.sample_index): (
            c.candidate.token_ids, c.candidate.logprobs_raw, c.candidate.logprobs,
        )
        for c in made.complete(requests)
    }  # fmt: skip


@pytest.mark.parametrize("family", ["qwen2-window"])  # windows in some layers
def test_a_candidate_is_the_same_alone_and_among_others(
    family: str, checkpoint: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = checkpoint(family)
    a, b = HEADER + "class", HEADER[:41] + "print("
    alone = drawn(folder, [request("a", a, 2)], max_rows=1)
    beside = drawn(
        folder, [request("b", b, 5), request("a", a, 2)], max_rows=17, prefill_chunk=13,
        page_size=8,
    )  # fmt: skip
    assert {key: beside[key] for key in alone} == alone


def test_the_reference_draws_the_same_tokens(checkpoint: Callable[[str], tuple[Path, Any]]) -> None:
    folder, _ = checkpoint("llama")
    requests = [request("a", HEADER + "class", 3)]
    with_kernels = drawn(folder, requests)
    with mock.patch.object(engine, "chip_for", return_value=None):
        reference = drawn(folder, requests)
    assert {key: bits[0] for key, bits in with_kernels.items()} == {
        key: bits[0] for key, bits in reference.items()
    }


def test_the_identity_has_the_shapes_of_the_kernels(
    checkpoint: Callable[[str], tuple[Path, Any]],
) -> None:
    folder, _ = checkpoint("llama")
    with_kernels = completer(folder, deterministic=True).engine.identity()
    with mock.patch.object(engine, "chip_for", return_value=None):
        reference = completer(folder, deterministic=True).engine.identity()
    assert with_kernels["tile"] != reference["tile"]


def test_products_that_depend_on_the_number_of_rows_are_found() -> None:
    drawn = Drawn("Tiny", torch.float32, torch.device("cpu"))
    decoder = Decoder(architecture("Tiny"), drawn, 64)

    def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return x @ weight.T * (1 + 1e-6 * len(x))

    with pytest.raises(UserError, match=r"engine\.deterministic"):
        check_heights(decoder, product)
    check_heights(decoder, lambda x, weight, bias: (x[:, None] * weight).sum(-1))
