"""Milliseconds of a whole-model decode step of the engine, through its scheduler and all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch

from pipeline.bench.words import text
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.architecture import Architecture
from pipeline.engine.checkpoint import Checkpoint
from pipeline.engine.engine import DTYPES, Engine
from pipeline.records import EngineStep, ProblemKey

PAUSE = 0.5  # seconds in which the chip cools before a short window


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt of `prefix` tokens, `rows` samples of `own` tokens each."""

    rows: int
    prefix: int
    own: int

    def kv_tokens(self, page: int) -> int:
        """Slots that its keys take: the prompt once; a row's last token is never fed back."""
        return self._whole(self.prefix, page) + self.rows * self._whole(self.own - 1, page)

    @staticmethod
    def _whole(tokens: int, page: int) -> int:
        return -(-tokens // page) * page


def engine_for(
    checkpoint: Checkpoint, case: Case, device: str, dtype: str, deterministic: bool = False
) -> Engine:
    """An engine with room for exactly this case."""
    page = EngineConfig().page_size
    spare = 2 * page  # slots that padding uses, and one page
    held = (case.kv_tokens(page) + spare) * token_bytes(checkpoint.architecture, dtype)
    return Engine(
        ModelConfig.model_validate(
            {"path": str(checkpoint.path), "device": device, "dtype": dtype}
        ),
        EngineConfig(
            deterministic=deterministic, max_rows=case.rows, prefill_chunk=1024, page_size=page,
            kv_memory_gib=held / 2**30,
        ),
        SamplingConfig(n=case.rows, max_new_tokens=case.own, temperature=0.8, top_p=0.95),
        checkpoint,
    )  # fmt: skip


def token_bytes(a: Architecture, dtype: str) -> int:
    """Keys and values of one token in all layers."""
    return 2 * a.layers * a.kv_heads * a.head_dim * DTYPES[dtype].itemsize


def once(engine: Engine, case: Case, seed: int = 0) -> dict[str, float]:
    """Draws all samples once.

    Returns milliseconds a decode step by events on the device (`ms`) and by the clock (`wall_ms`:
    all that is not prefill, planning and the way to the host included), decode steps and rows in
    them together, seconds of prefill, and tokens a second from start to end. Raises RuntimeError
    where a sample is lacking.
    """
    vocabulary = engine.checkpoint.architecture.vocab_size
    prompt = engine.prompt(
        ProblemKey("bench", "python", str(seed)), text(case.prefix, vocabulary, seed),
        tuple(range(case.rows)),
    )  # fmt: skip
    if len(prompt.tokens) != case.prefix:
        raise RuntimeError(f"a prompt of {len(prompt.tokens)} tokens, not {case.prefix}")
    engine.timer.take()
    start = time.perf_counter()
    drawn = [len(sequence.ids) for sequence in engine.sequences([prompt])]
    synchronize(engine.device)
    seconds = time.perf_counter() - start
    if len(drawn) != case.rows:
        raise RuntimeError(f"{len(drawn)} samples, not {case.rows}")
    taken = [row for row in engine.timer.take() if isinstance(row, EngineStep)]
    spent = {
        kind: sum(row.m_seconds for row in taken if row.kind == kind)
        for kind in ("prefill", "decode")
    }
    decodes = [row for row in taken if row.kind == "decode"]
    steps = sum(row.steps for row in decodes)
    return {
        "ms": spent["decode"] / steps * 1e3,
        "wall_ms": (seconds - spent["prefill"]) / steps * 1e3,
        "steps": steps,
        "rows": sum(row.rows for row in decodes),
        "prefill_seconds": spent["prefill"],
        "tokens_per_second": sum(drawn) / seconds,
    }


def measured(engine: Engine, case: Case, sustained_seconds: float) -> dict[str, Any]:
    """`once` in a short window (after a warm-up and a pause) and, where seconds are given, at the
    end of that many seconds without a pause."""
    first = time.perf_counter()
    once(engine, case)
    ready = time.perf_counter() - first
    time.sleep(PAUSE)
    found: dict[str, Any] = {"first_seconds": ready, **once(engine, case)}
    if sustained_seconds:
        begin = time.perf_counter()
        last = once(engine, case)
        while time.perf_counter() - begin < sustained_seconds:
            last = once(engine, case)
        found["sustained_ms"] = last["ms"]
    return {key: round(value, 4) for key, value in found.items()}


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
