"""Short ways to a completer and its requests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.records import Candidate, ProblemKey
from pipeline.services import CompletionRequest

SAMPLING = {"temperature": 0.9, "max_new_tokens": 32}


def completer(
    folder: Path | str,
    *,
    dtype: Any = "float32",
    sampling: dict[str, Any] | None = None,
    **engine: Any,
) -> EngineCompleter:
    return EngineCompleter(
        ModelConfig(path=str(folder), device="cpu", dtype=dtype),
        EngineConfig(**engine),
        SamplingConfig(**(SAMPLING | (sampling or {}))),
    )


def request(
    name: str, prompt: str, samples: int | Sequence[int], stop: tuple[str, ...] = (), **more: Any
) -> CompletionRequest:
    indices = tuple(range(samples)) if isinstance(samples, int) else tuple(samples)
    return CompletionRequest(ProblemKey("d", "python", name), prompt, indices, stop, **more)


def teacher_forced(model: Any, prompt: Sequence[int], candidate: Candidate) -> torch.Tensor:
    """transformers' logits where each generated token was drawn: [tokens, V] float32."""
    ids = torch.tensor([[*prompt, *candidate.token_ids]])
    with torch.no_grad():
        logits: torch.Tensor = model(ids).logits[0].float()
    return logits[len(prompt) - 1 : -1]
