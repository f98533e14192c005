"""The serial floor of a decode step: its dependent operations, each at the speed of the chip.

An operation takes at least the time of its bytes at the bandwidth measured for that many cold
bytes, or that of its operations at the rate of a large matrix product, whichever is longer; one
begins when the one before it has ended. Counted are the matrix products (weights once), attention
(each shared key once) and the output projection. Norms, rotary embedding, activations, residuals
and sampling are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pipeline.engine.architecture import Architecture
from pipeline.engine.decoder import weight_shapes


class Chip(Protocol):
    """What a chip gives, as measured."""

    operations_per_second: float

    def memory_us(self, bytes_: int) -> float:
        """Microseconds to read that many cold bytes."""


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    bytes: int
    operations: int  # a multiply-add as two

    def us(self, chip: Chip) -> float:
        return max(chip.memory_us(self.bytes), self.operations / chip.operations_per_second * 1e6)


def step_operations(
    a: Architecture, rows: int, prefix: int, own: int, element: int = 2
) -> Iterator[tuple[int, Operation]]:
    """How often each operation comes in a step of rows with one prompt of `prefix` tokens and
    `own` tokens each, the current one included. element: bytes of a number."""
    shapes = weight_shapes(a)

    def product(name: str, *weights: str) -> Operation:
        size = sum(shapes[weight][0] * shapes[weight][1] for weight in weights)
        return Operation(name, size * element, 2 * rows * size)

    layer = "layers.0."
    gate = [layer + "gate.weight"] if a.mlp == "gated" else []
    keys = prefix + rows * own
    yield a.layers, product("qkv", *(f"{layer}{part}.weight" for part in "qkv"))
    yield (
        a.layers,
        Operation(
            "attention",
            2 * keys * a.kv_heads * a.head_dim * element,
            4 * a.heads * a.head_dim * rows * (prefix + own),
        ),
    )
    yield a.layers, product("output", layer + "o.weight")
    yield a.layers, product("up", *gate, layer + "up.weight")
    yield a.layers, product("down", layer + "down.weight")
    yield 1, product("logits", "embedding")


def serial_floor_ms(
    a: Architecture, chip: Chip, rows: int, prefix: int, own: int, element: int = 2
) -> float:
    """Milliseconds a step, the mean over the steps in which own tokens grow from 1 to `own`."""
    lengths = sorted({max(round(own * part / 8), 1) for part in range(1, 9)})
    totals = [
        sum(n * op.us(chip) for n, op in step_operations(a, rows, prefix, length, element))
        for length in lengths
    ]
    return sum(totals) / len(totals) / 1e3
