"""Analytic FLOPs against a count of the operations that transformers runs."""

from __future__ import annotations

import time

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.engine.checkpoint import open_checkpoint
from pipeline.engine.graphs_ahead import Graphs
from pipeline.engine.ledger import Flops, Timer
from pipeline.engine.scheduler_events import SchedulerEvents
from pipeline.records import EngineStep
from tests.unit.engine.conftest import Checkpoints


@pytest.mark.parametrize("name", ["llama", "llama-llama3", "qwen3", "starcoder2"])
@pytest.mark.parametrize("context", [1, 30])
def test_a_decode_step_costs_what_transformers_computes(
    checkpoint: Checkpoints, name: str, context: int
) -> None:
    folder, model = checkpoint(name)
    flops = Flops(open_checkpoint(str(folder)).architecture)
    ids = torch.arange(context + 1)[None] + 2
    with torch.no_grad():
        cache = model(ids[:, :-1], use_cache=True).past_key_values
        with FlopCounterMode(display=False) as counter:
            model(ids[:, -1:], past_key_values=cache, use_cache=True)
    # A rotary product (positions times frequencies) is counted there and left out here.
    rotary = counter.get_total_flops() - flops.generated(context, 2)
    assert 0 <= rotary <= 2 * 64


def test_prompt_and_steps_add_up(checkpoint: Checkpoints) -> None:
    a = open_checkpoint(str(checkpoint("starcoder2")[0])).architecture  # window of 70
    flops = Flops(a)
    weights = flops.generated(5, 2) - 4 * a.layers * a.heads * a.head_dim * 6
    for prompt, tokens in ((5, 4), (60, 30), (90, 8)):
        steps = [
            weights + 4 * a.layers * a.heads * a.head_dim * min(prompt + i, 70)
            for i in range(1, tokens)
        ]
        assert flops.generated(prompt, tokens) == sum(steps)
    assert flops.generated(9, 1) == 0
    output = 2 * a.vocab_size * a.hidden
    contexts = sum(min(c, 70) for c in range(1, 101))
    attention = 4 * a.layers * a.heads * a.head_dim * contexts
    assert flops.prompt(100) == 100 * (weights - output) + output + attention


def test_a_prefill_that_had_kernels_compiled_is_timed_without() -> None:
    timer = Timer(torch.device("cpu"), 1, SchedulerEvents(), Graphs())
    compiled = 0
    timer._compilations = lambda: compiled  # a CPU has none
    runs = []

    def work() -> int:
        nonlocal compiled
        if not runs:
            compiled += 2
            time.sleep(0.2)  # what a compiler takes
        runs.append(1)
        return len(runs)

    assert timer.measure("prefill", 5, 5, work)[0] == 2
    assert timer.measure("prefill", 5, 5, work)[0] == 3  # nothing new: once
    timer.close()
    (row,) = (row for row in timer.take() if isinstance(row, EngineStep))
    assert (row.steps, row.rows) == (2, 10)
    assert row.m_seconds < 0.1


def test_a_decode_step_is_never_run_again() -> None:
    timer = Timer(torch.device("cpu"), 1, SchedulerEvents(), Graphs())
    calls: list[int] = []
    timer._compilations = lambda: len(calls)
    timer.measure("decode", 1, 1, lambda: calls.append(1))
    assert calls == [1]
