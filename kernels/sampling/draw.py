"""Tokens of a step drawn by Triton kernels: no sort, no host, every buffer of a fixed size.

The meaning is that of `pipeline.engine.sampling.Sampler`. Thresholds are exact in float32's order;
masses are sums in float32 within blocks and float64 over them, so that a token may differ where a
limit lies within about 1e-6 of a row's mass from the edge between two tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
import triton
from torch import Tensor

from kernels.sampling.triton_kernels.advance import advance_rows
from kernels.sampling.triton_kernels.scan import collect, scan_chunks
from kernels.sampling.triton_kernels.select import draw_rows

AT_ONCE = 512  # rows whose lists lie in memory together
PROGRAMS = 1024  # wanted, so that a few rows fill the chip too
LISTED = 1024  # entries of a list that are looked at together


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
    chunk: int | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """logits [R, V] bfloat16, float16 or float32; rows [R] int64, which of streams [S, 4] and
    positions [S] int64 are theirs.

    Returns tokens [R] int64 and natural logs of their probability [R] float32 in the model's own
    distribution and in the one drawn from (0 when greedy). Where a row's logits hold NaN, an
    infinity above, or nothing finite, both are NaN and the token is eos. chunk: tokens that a
    program reads, a power of two.
    """
    count = len(rows)
    tokens = torch.empty(count, dtype=torch.int64, device=logits.device)
    raw = torch.empty(count, dtype=torch.float32, device=logits.device)
    processed = torch.empty_like(raw)
    for start in range(0, count, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        _draw_part(
            logits[part], rows[part], streams, positions, filters, eos, chunk, tokens[part],
            raw[part], processed[part],
        )  # fmt: skip
    return tokens, raw, processed


def _draw_part(
    logits: Tensor, rows: Tensor, streams: Tensor, positions: Tensor, filters: Filters, eos: int,
    chunk: int | None, tokens: Tensor, raw: Tensor, processed: Tensor,
) -> None:  # fmt: skip
    height, vocabulary = logits.shape
    device = logits.device
    chunk = chunk or _chunk(height, vocabulary)
    chunks = triton.cdiv(vocabulary, chunk)
    block = min(chunk, 2048)
    greedy = filters.temperature == 0
    temperature = 1.0 if greedy else filters.temperature
    banned = logits if filters.banned is None else filters.banned.view(torch.int8)
    has_banned = filters.banned is not None
    sums = torch.empty((height, chunks, 4), dtype=torch.float32, device=device)
    best = torch.empty((height, chunks), dtype=torch.int32, device=device)
    scan_chunks[(height, chunks)](
        logits, logits.stride(0), banned, sums, best, vocabulary, chunks, temperature, CHUNK=chunk,
        BLOCK=block, BANNED=has_banned, num_warps=4,
    )  # fmt: skip
    top_k = not greedy and filters.top_k is not None and filters.top_k < vocabulary
    top_p = not greedy and filters.top_p is not None and filters.top_p < 1
    min_p = not greedy and filters.min_p is not None and filters.min_p > 0
    log_min_p = math.log(filters.min_p) if min_p and filters.min_p else 0.0
    padded = triton.next_power_of_2(chunks)
    values, listed, counts = sums, best, best
    if top_k or top_p or min_p:
        values = torch.empty((height, vocabulary), dtype=torch.float32, device=device)
        listed = torch.empty((height, vocabulary), dtype=torch.int32, device=device)
        counts = torch.zeros(height, dtype=torch.int32, device=device)
        left = max(1.0 - (filters.top_p or 0.0), 1e-9)
        # A little lower than the bound, for the rounding of sums.
        least = math.log(left / vocabulary) - 1e-3
        collect[(height, chunks)](
            logits, logits.stride(0), banned, sums, values, listed, counts, vocabulary, chunks,
            temperature, least, log_min_p, CHUNK=chunk, BLOCK=block, CHUNKS=padded,
            BANNED=has_banned, TOP_P=top_p, MIN_P=min_p, TOP_K=top_k, num_warps=4,
        )  # fmt: skip
    draw_rows[(height,)](
        logits, logits.stride(0), banned, sums, best, values, listed, counts, vocabulary, chunks,
        temperature, filters.top_k or 0, filters.top_p or 1.0, log_min_p, rows, streams, positions,
        tokens, raw, processed, eos, CHUNK=chunk, CHUNKS=padded, BANNED=has_banned,
        BLOCK=min(LISTED, block), TOP_K=top_k, TOP_P=top_p, MIN_P=min_p, GREEDY=greedy,
        num_warps=8,
    )  # fmt: skip


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


def _chunk(rows: int, vocabulary: int) -> int:
    wanted = int(triton.next_power_of_2(max(rows * vocabulary // PROGRAMS, 1)))
    return min(max(wanted, 2048), 16384, int(triton.next_power_of_2(vocabulary)))
