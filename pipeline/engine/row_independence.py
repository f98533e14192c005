"""Does this machine round a row alike wherever it lies in a tile, and whatever lies beside it?

Deterministic mode rests on that: on a CPU for products of a fixed number of rows, which libraries
do not promise; on a GPU for products of any number, which its matrix instructions do not promise.
So it is tried on the model's own weights before the first token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from pipeline.engine.decoder import Decoder
from pipeline.engine.parts import Linear, Product
from pipeline.records import UserError

HEIGHTS = (1, 16, 17, 64, 192, 512)  # numbers of rows for which products have tiles of their own
Products = Iterator[tuple[str, int, Callable[[Tensor], Tensor]]]


def check_rows(decoder: Decoder, tile: int) -> None:
    """Raises UserError where a row's product depends on its place in a tile or its neighbours."""
    places = [(tile, place) for place in (0, 1, tile // 2 + 1, tile - 1)]
    _check(decoder, _products(decoder), places, "set engine.threads to 1, or ")


def check_heights(decoder: Decoder, product: Product) -> None:
    """Raises UserError where a row's product, x [R, K] @ weight [N, K]^T + bias [N], depends on the
    number of rows, its place among them or its neighbours."""
    places = [(height, height * 2 // 3) for height in HEIGHTS]
    _check(decoder, _weights(decoder, product), places, "")


@torch.inference_mode()
def _check(
    decoder: Decoder, products: Products, places: Sequence[tuple[int, int]], remedy: str
) -> None:
    """places: a number of rows, and which of them is the row."""
    for name, width, product in products:
        generator = torch.Generator().manual_seed(width)
        row = torch.randn(width, generator=generator).to(decoder.device, decoder.dtype)
        results = []
        for rows, place in places:
            x = torch.randn((rows, width), generator=generator).to(row)
            x[place] = row
            results.append(product(x)[place])
        if not all(torch.equal(result, results[0]) for result in results[1:]):
            raise UserError(
                f"engine.deterministic: on this machine a row of the {name} product is rounded by "
                f"its place among other rows; {remedy}set engine.deterministic to false"
            )


def _products(decoder: Decoder) -> Products:
    layer, a = decoder.layers[0], decoder.architecture
    yield "attention input", a.hidden, layer.attention.qkv
    yield "attention output", a.heads * a.head_dim, layer.attention.output
    yield "feed-forward", a.hidden, layer.mlp
    yield "output", a.hidden, decoder.logits


def _weights(decoder: Decoder, product: Product) -> Products:
    layer = decoder.layers[0]
    for name, linear in (
        ("attention input", layer.attention.qkv),
        ("attention output", layer.attention.output),
        ("feed-forward input", layer.mlp.up),
        ("feed-forward output", layer.mlp.down),
        ("output", Linear(decoder.output, None)),
    ):
        yield name, linear.weight.shape[1], partial(_applied, product, linear)


def _applied(product: Product, linear: Linear, x: Tensor) -> Tensor:
    return product(x, linear.weight, linear.bias)
