"""While samples are drawn the host never waits for the queue of the GPU: it would stand still."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.records import EngineStep, ProblemKey
from pipeline.services import CompletionRequest

pytestmark = pytest.mark.gpu
SAMPLES = 30


@pytest.fixture(autouse=True)
def _guarded() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


def requests() -> list[CompletionRequest]:
    return [
        CompletionRequest(
            ProblemKey("gpu", "python", str(i)), f"def problem_{i}(n):\n" * (1 + i),
            tuple(range(SAMPLES)), ("\n\n\n",),
        )
        for i in range(8)
    ]  # fmt: skip


def test_a_run_of_many_admissions_waits_for_nothing_but_its_flags() -> None:
    made = EngineCompleter(
        ModelConfig(path="tiny", device="cuda"),
        EngineConfig(deterministic=False, max_rows=16, prefill_chunk=64),
        SamplingConfig(n=SAMPLES, top_p=0.95, max_new_tokens=48, length_draw=(4, 48)),
    )
    first = [completion.candidate for completion in made.complete(requests())]
    made.take_steps()
    torch.cuda.set_sync_debug_mode("error")  # torch names the operation that would wait
    second = [completion.candidate for completion in made.complete(requests())]
    torch.cuda.set_sync_debug_mode("default")
    assert len(first) == len(second) == 8 * SAMPLES
    steps = sum(row.steps for row in made.take_steps() if isinstance(row, EngineStep))
    assert steps > 200  # 240 samples through 16 rows: admissions all the time


def test_the_guard_knows_what_waits() -> None:
    rows = torch.zeros(8, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    with pytest.raises(RuntimeError, match="synchroniz"):
        rows[torch.zeros(2, dtype=torch.int64, device="cuda")] = 0
