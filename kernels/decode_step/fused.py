"""The operations of a decode step by Triton kernels; `reference` says the same in PyTorch.

R is the rows of a step. All tensors contiguous but for the arenas, of which only the last dimension
and the slots are.
"""

from __future__ import annotations

import torch
import triton
from torch import Tensor

from kernels.decode_step.triton_kernels import activation, inputs, norm
from kernels.decode_step.triton_kernels import heads as head_kernels
from kernels.early_start import starts_early

HEADS_AT_ONCE = 8
COLUMNS_AT_ONCE = 1024


def add_norm(
    residual: Tensor, added: Tensor | None, weight: Tensor, shift: Tensor | None, eps: float,
    bias: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Adds a product [R, N] or its parts [S, R, N], and bias [N], to the residual stream [R, N] in
    place, and normalises it.

    weight, shift: [N]; without a shift RMSNorm (arXiv 1910.07467), with one LayerNorm. Returns
    [R, N] in the weight's dtype. Arithmetic in float32; the stream is rounded to its dtype, the
    result once.
    """
    rows, size = residual.shape
    out = torch.empty_like(residual, dtype=weight.dtype)
    norm.add_norm[(rows,)](
        residual, residual if added is None else added, weight if bias is None else bias, weight,
        weight if shift is None else shift, out, eps, SIZE=size,
        WIDE=triton.next_power_of_2(size), PARTS=0 if added is None else _parts(added),
        BIAS=bias is not None, LAYER=shift is not None, EARLY=starts_early(residual.device),
        num_warps=8 if size > 2048 else 4,
    )  # fmt: skip
    return out


def rotate_and_store(
    qkv: Tensor, q_weight: Tensor | None, k_weight: Tensor | None, cos: Tensor, sin: Tensor,
    positions: Tensor, slots: Tensor, k: Tensor, v: Tensor, heads: int, eps: float,
    bias: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Queries rotated; keys rotated and values written into a layer's arena.

    qkv: [R, (H + 2G) * D], queries before keys before values, or its parts [S, R, ..]; bias:
    [(H + 2G) * D], added to it; q_weight, k_weight: [D] of the heads' RMSNorm; cos, sin: [P, D/2]
    float32 by position (arXiv 2104.09864, halves rotated); positions, slots: [R] int64; k, v:
    [G, N, D]. Returns queries [R, H, D] in the arena's dtype.
    """
    groups, dim = k.shape[0], k.shape[2]
    rows = qkv.shape[-2]
    q = torch.empty((rows, heads, dim), dtype=k.dtype, device=k.device)
    total = heads + 2 * groups
    at_once = min(HEADS_AT_ONCE, triton.next_power_of_2(total))
    head_kernels.rotate_and_store[(rows, triton.cdiv(total, at_once))](
        qkv, cos if bias is None else bias, cos if q_weight is None else q_weight,
        cos if k_weight is None else k_weight, cos, sin, positions, slots, q, k, v, k.stride(0),
        eps, HEADS=heads, GROUPS=groups, DIM=dim, HALF=triton.next_power_of_2(dim // 2), BH=at_once,
        NORM=q_weight is not None, PARTS=_parts(qkv), BIAS=bias is not None, num_warps=4,
    )  # fmt: skip
    return q


def activate(x: Tensor, kind: str, gated: bool) -> Tensor:
    """act(x), or, gated, act(first half) * second half. Returns [R, I] in x's dtype.

    kind: silu, gelu (by erf) or gelu_tanh (arXiv 1606.08415); x: gated [R, 2I], else [R, I].
    """
    rows, width = x.shape
    size = width // 2 if gated else width
    out = torch.empty((rows, size), dtype=x.dtype, device=x.device)
    block = min(COLUMNS_AT_ONCE, triton.next_power_of_2(size))
    activation.activate[(rows, triton.cdiv(size, block))](
        x, out, SIZE=size, BLOCK=block, GATED=gated, KIND=kind, num_warps=4
    )
    return out


def gather_inputs(
    rows: Tensor, token: Tensor, prompt: Tensor, count: Tensor, ended: Tensor, slots: Tensor,
    embedding: Tensor, page: int, trash: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """What the rows of a step feed to the model.

    rows: [R] int64, which of S; token, prompt, count, ended: [S] int64, last token, prompt's
    tokens, own tokens so far (1 or more), not 0: has ended; slots: [S, M] int64, where its own keys
    lie, in pages of `page`; embedding: [V, N]; trash: slot of rows that have ended or are full.
    Returns the residual stream [R, N] float32; positions, slots [R] int64; own lengths [R] and
    first slots of own pages [R, J], int32, as `prefix_tree_attention` takes them.
    """
    size, most, device = embedding.shape[1], slots.shape[1], rows.device
    hidden = torch.empty((len(rows), size), dtype=torch.float32, device=device)
    positions, places = torch.empty_like(rows), torch.empty_like(rows)
    lengths = torch.empty(len(rows), dtype=torch.int32, device=device)
    pages = torch.empty((len(rows), -(-most // page)), dtype=torch.int32, device=device)
    inputs.gather_inputs[(len(rows),)](
        rows, token, prompt, count, ended, slots, embedding, hidden, positions, places, lengths,
        pages, most, pages.shape[1], trash, PAGE=page, SIZE=size,
        BLOCK=min(2048, triton.next_power_of_2(size)), num_warps=4,
    )  # fmt: skip
    return hidden, positions, places, lengths, pages


def _parts(product: Tensor) -> int:
    return 1 if product.dim() == 2 else len(product)
