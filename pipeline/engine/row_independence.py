"""Does this machine round a row alike wherever it lies in a tile, and whatever lies beside it?

Deterministic mode rests on that for products of a fixed number of rows. Libraries do not promise
it, so it is tried on the model's own weights before the first token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pipeline.engine.decoder import Decoder
from pipeline.records import UserError


@torch.inference_mode()
def check_rows(decoder: Decoder, tile: int) -> None:
    """Raises UserError where a row's product depends on its place in a tile or its neighbours."""
    for name, width, product in _products(decoder):
        generator = torch.Generator().manual_seed(width)
        row = torch.randn(width, generator=generator).to(decoder.device, decoder.dtype)
        results = []
        for place in (0, 1, tile // 2 + 1, tile - 1):
            x = torch.randn((tile, width), generator=generator).to(row)
            x[place] = row
            results.append(product(x)[place])
        if not all(torch.equal(result, results[0]) for result in results[1:]):
            raise UserError(
                f"engine.deterministic: on this machine a row of the {name} product is rounded by "
                "its place among other rows; set engine.threads to 1, or engine.deterministic "
                "to false"
            )


def _products(decoder: Decoder) -> Iterator[tuple[str, int, Callable[[Tensor], Tensor]]]:
    layer, a = decoder.layers[0], decoder.architecture
    yield "attention input", a.hidden, layer.attention.qkv
    yield "attention output", a.heads * a.head_dim, layer.attention.output
    yield "feed-forward", a.hidden, layer.mlp
    yield "output", a.hidden, decoder.logits
