"""Log-probabilities of given text: transformers' own, whatever is scored beside it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.records import CandidateKey
from pipeline.services import Score, Scorer, ScoreRequest
from tests.unit.engine.conftest import Checkpoints
from tests.unit.engine.helpers import completer

TEXTS = [
    ("def add(a, b):\n", "    return a + b\n"),
    ("x", "y"),
    ("# " + "many words here " * 12 + "\n", "and a longer continuation " * 6),
    ("def f():\n", ""),
]


def requests(texts: list[tuple[str, str]]) -> list[ScoreRequest]:
    return [
        ScoreRequest(CandidateKey("d", "python", "T/0", i), prompt, continuation, "review")
        for i, (prompt, continuation) in enumerate(texts)
    ]


def scored(source: EngineCompleter, texts: list[tuple[str, str]]) -> list[Score]:
    return sorted(source.score(requests(texts)), key=lambda score: score.candidate)


def by_transformers(source: EngineCompleter, model: Any, prompt: str, continuation: str) -> float:
    ids = source.engine.tokenizer.encode(prompt + continuation)
    head = source.engine.tokenizer.encode(prompt)
    start = next((i for i, token in enumerate(ids) if head[i : i + 1] != [token]), len(ids))
    with torch.no_grad():
        logs = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
    return sum(float(logs[i - 1, ids[i]]) for i in range(max(start, 1), len(ids)))


@pytest.mark.parametrize("deterministic", [True, False])
def test_scores_are_those_of_transformers(checkpoint: Checkpoints, deterministic: bool) -> None:
    folder, model = checkpoint("llama")
    source = completer(folder, deterministic=deterministic, prefill_chunk=64)
    assert isinstance(source, Scorer)
    found = scored(source, TEXTS)
    for score, (prompt, continuation) in zip(found, TEXTS, strict=True):
        wanted = by_transformers(source, model, prompt, continuation)
        assert score.logprob == pytest.approx(wanted, abs=2e-3)
        tokens = len(source.engine.tokenizer.encode(prompt + continuation))
        assert (score.call.prompt_tokens, score.call.generated_tokens) == (tokens, 0)
        assert score.call.purpose == "review"
    assert found[3].logprob == 0.0, "of no token"
    assert sum(step.rows for step in source.take_steps()) == sum(
        s.call.prompt_tokens for s in found
    )
    arena = source.engine.arena
    assert arena.available == arena.capacity, "memory is given back"


def test_in_deterministic_mode_neighbours_change_nothing() -> None:
    alone = [scored(completer("tiny"), [text])[0].logprob for text in TEXTS]
    beside = [score.logprob for score in scored(completer("tiny", prefill_chunk=4096), TEXTS)]
    assert alone == beside


def test_what_the_model_has_no_room_for_is_undefined() -> None:
    source = completer("tiny")
    long = "word " * source.engine.checkpoint.architecture.context
    found = scored(source, [("a", "b"), ("a", long)])
    assert not math.isnan(found[0].logprob)
    assert math.isnan(found[1].logprob)
    assert found[1].call.prompt_tokens == 0
