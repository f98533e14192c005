"""Tokens of a step drawn by Triton kernels: no sort, no host, every buffer of a fixed size.

The meaning is that of `pipeline.engine.sampling.Sampler`. Thresholds are exact in the order of the
logits' dtype; masses are sums in float32 over chunks and over their sums, so that a token may
differ where a limit lies within about 1e-6 of a row's mass from the edge between two tokens.
Chunks are of one size, whatever the rows are: a row's token and log-probabilities depend on its
logits and its stream alone, bit by bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import triton
from torch import Tensor

from kernels.sampling.thresholds import Masses, Thresholds
from kernels.sampling.triton_kernels.advance import advance_rows
from kernels.sampling.triton_kernels.pick import pick
from kernels.sampling.triton_kernels.scan import scan_chunks

CHUNK = 4096  # tokens that a program reads


@dataclass(frozen=True, slots=True)
class Filters:
    """As the fields of `pipeline.engine.sampling.Sampler`."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    banned: Tensor | None  # [V] bool


class RowState(Protocol):
    """State of S rows: int64 [S], ids int64 and log-probabilities float32 [S, M]."""

    token: Tensor
    count: Tensor
    ended: Tensor
    limit: Tensor
    stop: Tensor
    stream: Tensor  # [S, 4]
    ids: Tensor
    raw: Tensor
    processed: Tensor


def draw_tokens(
    logits: Tensor, rows: Tensor, streams: Tensor, positions: Tensor, filters: Filters, eos: int,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """logits [R, V] bfloat16, float16 or float32; rows [R] int64, which of streams [S, 4] and
    positions [S] int64 are theirs.

    Returns tokens [R] int64 and natural logs of their probability [R] float32 in the model's own
    distribution and in the one drawn from (0 when greedy). Where a row's logits hold NaN, an
    infinity above, or nothing finite, both are NaN and the token is eos. chunk: a power of two.
    """
    height, vocabulary = logits.shape
    device = logits.device
    chunk = min(chunk, int(triton.next_power_of_2(vocabulary)))
    chunks = triton.cdiv(vocabulary, chunk)
    greedy = filters.temperature == 0
    temperature = 1.0 if greedy else filters.temperature
    scale = math.log2(math.e) / temperature
    banned = None if filters.banned is None else filters.banned.view(torch.int8)
    sums = torch.empty((height, chunks, 4), dtype=torch.float32, device=device)
    best = torch.empty((height, chunks), dtype=torch.int32, device=device) if greedy else sums
    scan_chunks[(height, chunks)](
        logits, logits.stride(0), banned, sums, best, vocabulary, chunks, scale, CHUNK=chunk,
        BANNED=banned is not None, GREEDY=greedy, num_warps=4,
    )  # fmt: skip
    masses = Masses(logits, banned, sums, temperature, scale, chunk)
    found = None if greedy else Thresholds.of(masses, filters.top_k, filters.top_p, filters.min_p)
    tokens = torch.empty(height, dtype=torch.int64, device=device)
    raw = torch.empty(height, dtype=torch.float32, device=device)
    processed = torch.empty_like(raw)
    pick[(height,)](
        logits, logits.stride(0), banned, sums, best, found and found.ranges, found and found.kept,
        vocabulary, chunks, temperature, scale, rows, streams, positions, tokens, raw, processed,
        eos, CHUNK=chunk, CHUNKS=masses.padded, BANNED=banned is not None,
        FILTERED=found is not None, LOW=found.column if found else 0, GREEDY=greedy,
        SHIFT=masses.shift, num_warps=4,
    )  # fmt: skip
    return tokens, raw, processed


def advance(
    state: RowState, rows: Tensor, tokens: Tensor, raw: Tensor, processed: Tensor, table: Tensor,
    ends: Tensor, real: int,
) -> Tensor:  # fmt: skip
    """Writes the tokens of the first `real` rows into the state, and steps the stop automaton.

    table: [T, V] int16; ends: [V] bool, tokens that end a row. Returns [real] bool: which rows
    have ended, now or before. A row whose raw log-probability is NaN ends.
    """
    ended = torch.empty(real, dtype=torch.bool, device=rows.device)
    block = 32
    advance_rows[(triton.cdiv(real, block),)](
        rows, tokens, raw, processed, table, ends.view(torch.int8), real, state.ids.shape[1],
        table.shape[1], state.token, state.count, state.ended, state.limit, state.stop, state.ids,
        state.raw, state.processed, ended.view(torch.int8), BLOCK=block, num_warps=1,
    )  # fmt: skip
    return ended
