"""The engine on a GPU: the CPU's greedy tokens, its log-probabilities, and its speed as data."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.energy import counter
from pipeline.records import DeviceEnergy, EngineStep, ProblemKey
from pipeline.services import Completion, CompletionRequest

pytestmark = pytest.mark.gpu
RESULTS = Path(__file__).resolve().parents[2] / "pipeline" / "engine" / "results"


def prompt(index: int) -> str:
    return (
        f"def problem_{index}(n):\n"
        f'    """Ann has {3 + index} apples and {7 + 5 * index} pears and gives n of them to '
        f'each of her {2 + index % 5} friends. How many are left?"""\n'
    )


def complete(
    device: str, problems: int, samples: int, *, rows: int = 256, dtype: Any = "float32",
    deterministic: bool = False, chunk: int = 4096, **sampling: Any,
) -> tuple[EngineCompleter, dict[tuple[str, int], Completion], float]:  # fmt: skip
    completer = EngineCompleter(
        ModelConfig(path="tiny", device=device, dtype=dtype),
        EngineConfig(deterministic=deterministic, max_rows=rows, prefill_chunk=chunk),
        SamplingConfig(n=samples, **sampling),
    )
    assert completer.engine.decoder is not None  # weights are read before the clock starts
    requests = [
        CompletionRequest(
            ProblemKey("gpu", "python", str(i)), prompt(i), tuple(range(samples)), ("\n\n\n",)
        )
        for i in range(problems)
    ]
    start = time.perf_counter()
    done = {
        (c.candidate.task_id, c.candidate.sample_index): c for c in completer.complete(requests)
    }
    return completer, done, time.perf_counter() - start


def test_greedy_tokens_equal_the_cpu() -> None:
    _, cpu, _ = complete("cpu", 40, 1, temperature=0, max_new_tokens=48)
    _, gpu, _ = complete("cuda", 40, 1, temperature=0, max_new_tokens=48)
    assert len(gpu) == 40
    same = [gpu[k].candidate.token_ids == cpu[k].candidate.token_ids for k in cpu]
    # Ties within fp32 rounding may fall differently; they are rare.
    assert sum(same) >= 39


def test_sampled_log_probabilities_equal_the_cpu() -> None:
    _, cpu, _ = complete("cpu", 4, 8, temperature=0.8, max_new_tokens=32)
    _, gpu, _ = complete("cuda", 4, 8, temperature=0.8, max_new_tokens=32)
    equal = 0
    for key, mine in gpu.items():
        a, b = mine.candidate, cpu[key].candidate
        if a.token_ids == b.token_ids:
            equal += 1
            assert a.logprobs_raw == pytest.approx(b.logprobs_raw, abs=2e-4)
    assert equal >= 30  # the same uniforms: a draw differs only next to a boundary


def test_energy_is_counted_while_the_engine_works() -> None:
    source = counter(torch.device("cuda"))
    before = source.joules() if source else 0.0
    completer, _, seconds = complete("cuda", 6, 40, rows=64, temperature=0.8, max_new_tokens=64)
    energy = [row for row in completer.take_steps() if isinstance(row, DeviceEnergy)]
    assert bool(energy) == (source is not None)  # absent without a counter, never guessed
    if source is not None:
        assert 0 <= sum(row.m_joules for row in energy) <= source.joules() - before
        assert sum(row.m_seconds for row in energy) <= seconds + 1.0


def test_discarded_tokens_are_at_most_one() -> None:
    _, gpu, _ = complete("cuda", 6, 40, rows=64, temperature=0.8, max_new_tokens=64)
    assert len(gpu) == 240
    for done in gpu.values():
        kept = len(done.candidate.token_ids)
        assert done.call.discarded_tokens == (min(1, 64 - kept))


@pytest.mark.parametrize(
    ("rows", "dtype"),
    [(1024, "float32"), (4096, "float32"), (8192, "float32"), (8192, "bfloat16")],
)
def test_speed_is_written_as_data(rows: int, dtype: str) -> None:
    complete("cuda", 4, 100, rows=rows, dtype=dtype, max_new_tokens=16)  # warm-up
    torch.cuda.reset_peak_memory_stats()
    completer, done, seconds = complete(
        "cuda", 200, 100, rows=rows, dtype=dtype, chunk=8192, temperature=0.8, max_new_tokens=96
    )
    tokens = sum(c.call.generated_tokens for c in done.values())
    taken = completer.take_steps()
    steps = [row for row in taken if isinstance(row, EngineStep)]
    energy = [row for row in taken if isinstance(row, DeviceEnergy)]
    device_seconds = {
        kind: sum(s.m_seconds for s in steps if s.kind == kind) for kind in ("prefill", "decode")
    }
    figures = {
        "model": "tiny", "rows": rows, "dtype": dtype, "candidates": len(done), "tokens": tokens,
        "seconds": round(seconds, 3), "tokens_per_second": round(tokens / seconds),
        "device_seconds": {kind: round(value, 3) for kind, value in device_seconds.items()},
        "joules": round(sum(row.m_joules for row in energy), 1) if energy else None,
        "decode_steps": sum(s.steps for s in steps if s.kind == "decode"),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 3),
        "device": torch.cuda.get_device_name(), "torch": torch.__version__,
        "cuda": torch.version.cuda, "python": platform.python_version(),
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    name = f"{torch.cuda.get_device_name().replace(' ', '-')}-{rows}-{dtype}.json"
    (RESULTS / name).write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))
    assert len(done) == 20_000
    assert tokens / seconds > 20_000
