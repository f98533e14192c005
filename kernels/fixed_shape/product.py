"""x @ weight^T + bias with one order of summation, whatever the number of rows.

Libraries choose a kernel by the number of rows, and some of those split the inner dimension. Here
every element is summed in float32 from zero in the order of k. Tiles of any shape then give the
same bits where the chip's matrix instructions add 16 products to the sum alike (on an H100 they
do: mma and wgmma of every size that was tried), so tiles may follow the number of rows. For many
rows the library's kernel is taken where it was seen to give those bits too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from kernels.fixed_shape.triton_kernels import product as kernel

LIBRARY_ROWS = 128  # from this many rows on the library's kernel is tried


@dataclass(frozen=True, slots=True)
class Tile:
    """What one program computes, and how."""

    rows: int
    columns: int
    inner: int  # a step of the inner dimension; of no effect on the result
    stages: int
    warps: int


def tile_of(rows: int, columns: int, dtype: torch.dtype) -> Tile:
    """The tile for [rows, K] @ [columns, K]^T."""
    if dtype == torch.float32:
        return Tile(16, 64, 32, 3, 4) if rows <= 16 else Tile(64, 64, 32, 2, 4)
    if rows <= 16:
        return Tile(16, 16, 128, 5, 2) if columns <= 32768 else Tile(16, 32, 128, 5, 4)
    if rows <= 64:
        return Tile(64, 32, 128, 4, 4) if columns <= 8192 else Tile(64, 64, 64, 4, 4)
    if columns <= 4096:
        return Tile(64, 128, 64, 4, 4) if rows > 128 else Tile(64, 64, 64, 4, 4)
    return Tile(128, 128, 64, 3, 8)


class Product:
    """Products of one run; remembers for which shapes the library gives the same bits."""

    def __init__(self) -> None:
        self._library: dict[tuple[int, int, int, bool], bool] = {}

    def __call__(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """x [R, K], weight [N, K], K contiguous, bias [N], of one dtype -> [R, N] in it."""
        rows, columns = len(x), len(weight)
        if x.is_cuda and rows >= LIBRARY_ROWS and x.dtype != torch.float32:
            shape = rows, columns, x.shape[1], bias is not None
            # While a graph is captured nothing can be tried; the step ran before.
            if shape not in self._library and not torch.cuda.is_current_stream_capturing():
                self._library[shape] = self._library_agrees(rows, weight, bias)
            if self._library.get(shape, False):
                return F.linear(x, weight, bias)
        return tiled(x, weight, bias, tile_of(rows, columns, x.dtype))

    def _library_agrees(self, rows: int, weight: Tensor, bias: Tensor | None) -> bool:
        """Whether every bit of a product with random rows is the same."""
        generator = torch.Generator(weight.device).manual_seed(rows)
        x = torch.randn(
            (rows, weight.shape[1]), generator=generator, device=weight.device
        ).to(weight.dtype)  # fmt: skip
        mine = tiled(x, weight, bias, tile_of(rows, len(weight), weight.dtype))
        return torch.equal(F.linear(x, weight, bias), mine)


def tiled(x: Tensor, weight: Tensor, bias: Tensor | None, tile: Tile) -> Tensor:
    """x [R, K] @ weight [N, K]^T + bias [N] -> [R, N] in x's dtype, by tiles of one shape."""
    (rows, inner), columns = x.shape, len(weight)
    if x.stride(1) != 1 or weight.stride(1) != 1:
        raise ValueError("rows of x and of the weight lie dense")
    out = torch.empty((rows, columns), dtype=x.dtype, device=x.device)
    grid = triton.cdiv(rows, tile.rows) * triton.cdiv(columns, tile.columns)
    kernel.product[(grid,)](
        x, weight, weight if bias is None else bias, out, rows, columns, inner, x.stride(0),
        weight.stride(0), out.stride(0), BM=tile.rows, BN=tile.columns, BK=tile.inner,
        STAGES=tile.stages, BIAS=bias is not None,
        EVEN=columns % tile.columns == 0 and inner % tile.inner == 0, num_warps=tile.warps,
    )  # fmt: skip
    return out
