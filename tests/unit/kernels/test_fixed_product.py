"""The matrix product with one order of summation, by Triton's interpreter."""

from __future__ import annotations

import pytest
import torch

from kernels.fixed_shape.product import Product, Tile, tile_of, tiled

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TILE = Tile(16, 32, 32, 2, 4)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("columns", "inner"), [(64, 64), (70, 50)])
def test_a_rows_bits_do_not_depend_on_the_other_rows(
    columns: int, inner: int, biased: bool
) -> None:
    generator = torch.Generator(DEVICE).manual_seed(0)
    x = torch.randn((17, inner), generator=generator, device=DEVICE)
    weight = torch.randn((columns, inner), generator=generator, device=DEVICE)
    bias = torch.randn(columns, generator=generator, device=DEVICE) if biased else None
    whole = tiled(x, weight, bias, TILE)
    torch.testing.assert_close(whole, torch.nn.functional.linear(x, weight, bias))
    for rows in ([5], [16, 5, 0], [5, 5, 5]):
        assert torch.equal(tiled(x[rows], weight, bias, TILE), whole[rows])


def test_a_view_of_rows_is_taken() -> None:
    x = torch.randn((4, 96), device=DEVICE)[:, 32:64]
    weight = torch.randn((40, 64), device=DEVICE)[:, :32]
    torch.testing.assert_close(Product()(x, weight), x @ weight.T)
    with pytest.raises(ValueError, match="dense"):
        tiled(x, weight.T.contiguous().T, None, TILE)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_every_number_of_rows_has_a_tile(dtype: torch.dtype) -> None:
    for rows in (1, 16, 17, 64, 65, 128, 129, 512):
        for columns in (96, 2048, 151936):
            tile = tile_of(rows, columns, dtype)
            staged = (tile.rows + tile.columns) * tile.inner * tile.stages * dtype.itemsize
            assert staged <= 160 << 10  # shared memory of any chip since Ampere with tensor cores
