"""Lengths drawn for benchmarks: seeded, uniform, and the length that samples end with."""

from __future__ import annotations

import pytest

from pipeline.config import SamplingConfig
from pipeline.engine.lengths import LengthDraw
from pipeline.records import ProblemKey
from tests.unit.engine.helpers import completer, request

KEY = ProblemKey("d", "python", "a")


def test_uniform_over_both_ends() -> None:
    draw = LengthDraw(3, 6, seed=1)
    counts = dict.fromkeys(range(3, 7), 0)
    for sample in range(4000):
        counts[draw.of(KEY, sample)] += 1
    # chi-square with 3 degrees of freedom: above 16.3 with probability 0.001
    assert sum((n - 1000) ** 2 / 1000 for n in counts.values()) < 16.3


def test_samples_end_at_their_length_and_nothing_else_changes() -> None:
    plain = completer("tiny", sampling={"temperature": 3.0, "max_new_tokens": 40})
    drawn = completer(
        "tiny", sampling={"temperature": 3.0, "max_new_tokens": 40, "length_draw": (2, 30)}
    )
    asked = [request(name, f"def {name}(n):\n", 30) for name in ("a", "b", "c")]
    full = {c.candidate.key: c.candidate for c in plain.complete(asked)}
    limits = LengthDraw(2, 30, seed=0)
    cut = 0
    for done in drawn.complete(asked):
        mine, whole = done.candidate, full[done.candidate.key]
        length = min(limits.of(mine.key.problem, mine.sample_index), len(whole.token_ids))
        assert mine.token_ids == whole.token_ids[:length]
        if length < len(whole.token_ids):
            cut += 1
            assert (mine.finish_reason, mine.stop) == ("length", "")
    assert cut > 60
    assert plain.identity() != drawn.identity()


@pytest.mark.parametrize("length_draw", [(9, 8), (1, 300), (0, 3)])
def test_impossible_lengths_are_refused(length_draw: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="length_draw"):
        SamplingConfig(max_new_tokens=256, length_draw=length_draw)
