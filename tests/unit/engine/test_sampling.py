"""Draws follow the filtered distribution: chi-square on 100,000 draws for every filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pipeline.engine.philox import stream
from pipeline.engine.sampling import Sampler
from pipeline.records import ProblemKey

DRAWS = 100_000
LOGITS = torch.tensor([2.0, 1.5, 1.4, 0.3, 0.0, -0.5, -1.0, -1.2, -3.0, 0.9, 0.8, -8.0])


def sampler(**filters: Any) -> Sampler:
    base: dict[str, Any] = {
        "temperature": 1.0, "top_k": None, "top_p": None, "min_p": None, "banned": None,
    }  # fmt: skip
    return Sampler(**(base | filters))


def expected(filters: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The distribution by the definitions, one token at a time, in float64."""
    x = LOGITS.double().numpy() / filters.get("temperature", 1.0)
    if filters.get("banned") is not None:
        x = np.where(filters["banned"].numpy(), -np.inf, x)
    p = np.exp(x) / np.exp(x).sum()
    kept = list(np.argsort(-p))
    if filters.get("top_k"):
        kept = kept[: filters["top_k"]]
    if filters.get("top_p"):
        total, mass, nucleus = p[kept].sum(), 0.0, []
        for token in kept:
            if mass / total >= filters["top_p"]:
                break
            nucleus.append(token)
            mass += p[token]
        kept = nucleus
    if filters.get("min_p"):
        kept = [token for token in kept if p[token] >= filters["min_p"] * p.max()]
    q = np.zeros_like(p)
    q[kept] = p[kept] / p[kept].sum()
    return q


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"temperature": 0.4},
        {"temperature": 2.5},
        {"top_k": 4},
        {"top_p": 0.8},
        {"min_p": 0.15},
        {"temperature": 1.3, "top_k": 6, "top_p": 0.9, "min_p": 0.2},
        {"banned": torch.arange(12) % 3 == 0},
    ],
    ids=lambda filters: ",".join(filters) or "none",
)
def test_chi_square(filters: dict[str, Any]) -> None:
    words = stream(3, ProblemKey("d", "python", "chi"), 0, "candidate", 0)
    streams = torch.tensor([words]).expand(DRAWS, 4)
    logits = LOGITS.expand(DRAWS, -1)
    tokens, raw, processed = sampler(**filters).draw(logits, streams, torch.arange(DRAWS))
    q = expected(filters)
    counts = np.bincount(tokens.numpy(), minlength=len(q))
    assert counts[q == 0].sum() == 0
    inside = q > 0
    chi2 = float(((counts - DRAWS * q)[inside] ** 2 / (DRAWS * q)[inside]).sum())
    freedom = int(inside.sum()) - 1
    # Mean and deviation of chi-square are f and sqrt(2 f); the draws are fixed by the seed.
    assert chi2 < freedom + 4 * np.sqrt(2 * freedom)
    first = tokens[:100].numpy()
    np.testing.assert_allclose(processed[:100].numpy(), np.log(q[first]), atol=1e-5)
    np.testing.assert_allclose(raw[:100].numpy(), LOGITS.log_softmax(-1).numpy()[first], atol=1e-6)


def test_a_draw_does_not_depend_on_its_neighbours() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn((64, 50), generator=generator)
    words = [stream(0, ProblemKey("d", "python", "x"), i, "candidate", 0) for i in range(64)]
    streams, positions = torch.tensor(words), torch.arange(64)
    s = sampler(top_p=0.9)
    whole = s.draw(logits, streams, positions)
    for i in range(64):
        alone = s.draw(logits[i : i + 1], streams[i : i + 1], positions[i : i + 1])
        assert all(torch.equal(a[i : i + 1], b) for a, b in zip(whole, alone, strict=True))


def test_greedy_takes_the_likeliest() -> None:
    tokens, raw, processed = sampler(temperature=0.0).draw(
        LOGITS[None], torch.zeros((1, 4), dtype=torch.int64), torch.zeros(1, dtype=torch.int64)
    )
    assert tokens.item() == 0
    assert processed.item() == 0
    assert raw.item() == pytest.approx(LOGITS.log_softmax(-1)[0].item())
