"""Philox against the published known answers, numpy, and its promise of independent streams."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.engine.philox import philox, stream, uniform
from pipeline.records import ProblemKey

# kat_vectors of Random123 1.14: philox4x32, 10 rounds: counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(text: str) -> torch.Tensor:
    return torch.tensor([int(word, 16) for word in text.split()])


def test_known_answers() -> None:
    for counter, key, expected in KNOWN:
        assert torch.equal(philox(words(counter), words(key)), words(expected))


def test_batch_equals_single_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    counters = torch.randint(0, 2**32, (50, 4), generator=generator)
    keys = torch.randint(0, 2**32, (50, 2), generator=generator)
    batch = philox(counters, keys)
    assert all(torch.equal(batch[i], philox(counters[i], keys[i])) for i in range(50))


def test_uniform_is_uniform_and_open() -> None:
    words = stream(0, ProblemKey("d", "python", "1"), 0, "candidate", 0)
    streams = torch.tensor([words]).expand(100_000, 4)
    u = uniform(streams, torch.arange(100_000)).numpy()
    assert 0 < u.min() < u.max() < 1
    counts = np.histogram(u, bins=64, range=(0, 1))[0]
    chi2 = float(((counts - 100_000 / 64) ** 2 / (100_000 / 64)).sum())
    assert chi2 < 63 + 5 * np.sqrt(2 * 63)


def test_every_part_of_the_key_changes_the_stream() -> None:
    key = ProblemKey("d", "python", "1")
    streams = {
        stream(0, key, 0, "candidate", 0),
        stream(1, key, 0, "candidate", 0),
        stream(0, ProblemKey("d", "java", "1"), 0, "candidate", 0),
        stream(0, key, 1, "candidate", 0),
        stream(0, key, 0, "review", 0),
        stream(0, key, 0, "candidate", 1),
    }
    assert len(streams) == 6
