"""Milliseconds of a decode step of the compiled plain decoder, on the same shapes."""

from __future__ import annotations

import gc

import torch

from kernels.prefix_tree_attention.bench.timing import Replay
from pipeline.bench.decode_step import Case
from pipeline.bench.plain_decoder import PlainDecoder, PlainWeights
from pipeline.bench.random_weights import Drawn
from pipeline.bench.shapes import architecture

NO_ROOM = "no room"


def weights_of(shape: str, device: torch.device) -> PlainWeights:
    return PlainWeights(architecture(shape), Drawn(shape, torch.bfloat16, device))


@torch.inference_mode()
def plain_ms(weights: PlainWeights, form: str, case: Case) -> float | str:
    """A short window's milliseconds a step, replayed as one CUDA graph; NO_ROOM where the caches
    do not fit into the memory. form: of `plain_decoder.FORMS`."""
    torch._dynamo.reset()  # one shape at a time, so that nothing is made dynamic
    gc.collect()
    torch.cuda.empty_cache()
    try:
        decoder = PlainDecoder(weights, form, case.rows, case.prefix, case.own, compiled=True)
        return round(Replay([decoder.step]).short() / 1e3, 3)
    except torch.OutOfMemoryError:
        return NO_ROOM
