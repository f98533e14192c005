"""Pages run out midway on a GPU: rows are parked and go on, with the tokens of a roomy run."""

from __future__ import annotations

import pytest

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.records import ProblemKey
from pipeline.services import CompletionRequest

pytestmark = pytest.mark.gpu
SAMPLES = 24
PAGE = 16


def completer() -> EngineCompleter:
    return EngineCompleter(
        ModelConfig(path="tiny", device="cuda"),
        EngineConfig(deterministic=True, max_rows=96, page_size=PAGE, kv_memory_gib=0.25),
        SamplingConfig(n=SAMPLES, max_new_tokens=96, temperature=0.8),
    )


def drawn(made: EngineCompleter) -> dict[tuple[str, int], list[int]]:
    requests = [
        CompletionRequest(
            ProblemKey("gpu", "python", str(i)),
            f"def problem_{i}(n):\n" + f'    """Adds {i} to n."""\n' * (1 + 3 * i),
            tuple(range(SAMPLES)),
            (),
        )
        for i in range(6)
    ]
    return {
        (c.candidate.task_id, c.candidate.sample_index): list(c.candidate.token_ids)
        for c in made.complete(requests)
    }


def test_at_98_percent_of_the_pages_tokens_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    roomy = completer()
    expected = drawn(roomy)
    assert len(expected) == 6 * SAMPLES
    assert roomy.engine.events.parked_rows == 0
    tight = completer()
    assert tight.engine.decoder is not None
    budget = roomy.engine.arena.peak_pages // 3 * PAGE * roomy.engine.arena.token_bytes
    monkeypatch.setattr(tight.engine, "_budget", lambda: budget)
    # Hopes for short samples, so that too many are admitted.
    monkeypatch.setattr("pipeline.engine.demand.Demand.tokens", lambda self, running: 4)
    assert drawn(tight) == expected
    assert tight.engine.arena.peak_pages >= 0.98 * tight.engine.arena.capacity
    print(tight.engine.events)
    assert tight.engine.events.parked_rows > 0
