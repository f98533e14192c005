"""The bench's parts on tiny shapes: floors, exact prompts, and peers that compute the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from pipeline.bench import decode_step
from pipeline.bench.decode_step import Case
from pipeline.bench.floor import serial_floor_ms, step_operations
from pipeline.bench.plain_decoder import PlainDecoder, PlainWeights
from pipeline.bench.random_weights import Drawn, random_checkpoint
from pipeline.bench.shapes import architecture

A = architecture("Tiny")


def plain(form: str, rows: int = 3, prefix: int = 20, own: int = 4) -> PlainDecoder:
    weights = PlainWeights(A, Drawn("Tiny", torch.float32, torch.device("cpu")))
    return PlainDecoder(weights, form, rows, prefix, own, compiled=False)


def test_both_forms_of_the_peer_compute_the_same() -> None:
    bifurcated, copied = plain("two einsums"), plain("replicated SDPA")
    for mine, theirs in zip(bifurcated.caches, copied.caches, strict=True):
        theirs.own_k.copy_(torch.cat([mine.prefix_k.expand(3, -1, -1, -1), mine.own_k], 2))
        theirs.own_v.copy_(torch.cat([mine.prefix_v.expand(3, -1, -1, -1), mine.own_v], 2))
    start = torch.tensor([5, 6, 7])
    for decoder in (bifurcated, copied):
        decoder.tokens.copy_(start)
        decoder.step()
    torch.testing.assert_close(bifurcated.logits, copied.logits, atol=1e-5, rtol=1e-4)
    assert bifurcated.tokens.tolist() != start.tolist()


@dataclass(frozen=True)
class Slow:
    """One byte and one operation a microsecond."""

    operations_per_second: float = 1e6

    def memory_us(self, bytes_: int) -> float:
        return float(bytes_)


def test_floor_is_the_sum_of_the_slower_of_bytes_and_operations() -> None:
    found = {op.name: (n, op) for n, op in step_operations(A, 8, 100, 3)}
    layers, attention = found["attention"]
    assert layers == 2
    assert attention.bytes == (100 + 8 * 3) * 2 * 2 * 16 * 2  # tokens, k and v, heads, dim, bf16
    assert attention.operations == 4 * 4 * 16 * 8 * 103
    weights = sum(n * op.bytes for n, op in found.values()) - layers * attention.bytes
    each = 64 * (64 + 2 * 32) + 64 * 64 + 3 * 64 * 160
    assert weights == 2 * (2 * each + 512 * 64)
    one = serial_floor_ms(A, Slow(), 8, 100, 1)
    by_hand = sum(n * max(op.bytes, op.operations) for n, op in step_operations(A, 8, 100, 1))
    assert one == pytest.approx(by_hand / 1e3)


def test_steps_of_the_engine_are_timed() -> None:
    case = Case(rows=5, prefix=70, own=9)
    with random_checkpoint("Tiny") as checkpoint:
        engine = decode_step.engine_for(checkpoint, case, "cpu", "float32")
        found = decode_step.once(engine, case)
        assert 0 < found["ms"] <= found["wall_ms"] * 1.001
        assert found["tokens_per_second"] > 0
        held = engine.arena.allocated_bytes() / decode_step.token_bytes(A, "float32")
        assert held == pytest.approx(case.kv_tokens(16), abs=32)
