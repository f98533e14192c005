"""The table of decode steps: ours, the serial floor, and the peers."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from kernels.prefix_tree_attention.bench.floors import Floors
from pipeline.bench import decode_step
from pipeline.bench.decode_step import Case
from pipeline.bench.floor import serial_floor_ms
from pipeline.bench.peers import NO_ROOM, plain_ms, weights_of
from pipeline.bench.random_weights import random_checkpoint
from pipeline.bench.results import Results
from pipeline.bench.shapes import architecture

SPARE = 6 << 30  # bytes that weights' neighbours need: activations, logits, graphs


def step_rows(
    results: Results, shape: str, cases: Sequence[Case], peers: Sequence[str], sustained: float,
    floors: Floors, device: torch.device,
) -> None:  # fmt: skip
    """Adds a row for every case. peers: of `plain_decoder.FORMS`; sustained: seconds of the long
    windows, 0 for none. A fault of one case is its row's, and the others go on."""
    a = architecture(shape)
    rows: dict[Case, dict[str, Any]] = {}
    for case, found in _ours(shape, cases, sustained, device):
        floor = serial_floor_ms(a, floors, case.rows, case.prefix, case.own)
        rows[case] = {
            "shape": shape, "samples": case.rows, "prefix": case.prefix, "own": case.own,
            "floor_ms": round(floor, 3), **found, "peers_ms": {},
        }  # fmt: skip
        if "ms" in found:
            rows[case]["times_floor"] = round(found["ms"] / floor, 2)
        results.add(rows[case])
    if not peers:
        return
    weights = weights_of(shape, device)
    for form in peers:
        full: dict[int, int] = {}  # prefix -> rows that there was no room for
        for case in sorted(cases, key=lambda case: case.rows):
            if case.rows >= full.get(case.prefix, case.rows + 1):
                ms: float | str = NO_ROOM
            else:
                ms = plain_ms(weights, form, case)
            if ms == NO_ROOM:
                full.setdefault(case.prefix, case.rows)
            rows[case]["peers_ms"][form] = ms
            print(form, case, ms, flush=True)
            results.write()


def _ours(
    shape: str, cases: Sequence[Case], sustained: float, device: torch.device
) -> Iterator[tuple[Case, dict[str, Any]]]:
    dtype = "bfloat16"
    each = decode_step.token_bytes(architecture(shape), dtype)
    with random_checkpoint(shape) as checkpoint:
        for case in cases:
            engine = decode_step.engine_for(checkpoint, case, str(device), dtype)
            assert engine.decoder is not None  # its weights are in the memory that is not free
            free = torch.cuda.mem_get_info(device)[0]
            if case.kv_tokens(engine.config.page_size) * each + SPARE > free:
                yield case, {"skipped": NO_ROOM}
                continue
            try:
                yield case, decode_step.measured(engine, case, sustained)
            except Exception as fault:  # the other cases and the peers are worth having
                yield case, {"fault": f"{type(fault).__name__}: {str(fault).splitlines()[0]}"}
            del engine
            emptied()


def emptied() -> None:
    """Gives the device's memory back that nothing uses."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
