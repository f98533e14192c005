"""Deterministic mode: a sample's tokens and log-probabilities do not depend on its neighbours.

The bundled tiny model, CPU, float32. Everything is compared bitwise with one reference run.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from typing import Any

import pytest
import torch

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.engine.decoder import Decoder
from pipeline.records import UserError
from pipeline.services import CompletionRequest
from tests.unit.engine.helpers import completer, request

SAMPLES, NEW_TOKENS = 44, 56
HEADER = '"""Short functions, each with a line that says what it does."""\n\n'
Results = dict[tuple[str, int], tuple[Any, ...]]
tokens_sampled = 0


def prompt(index: int) -> str:
    # Lengths differ, so that blocks of 64 keys end inside prompts, headers and own tokens.
    names = ["apples", "pears", "books", "coins", "trains", "hours", "rows", "marbles"]
    words = " and ".join(f"{3 + index * 7 + i} {names[(index + i) % 8]}" for i in range(index % 9))
    return (
        HEADER + f'def problem_{index}(n):\n    """Ann has {words} and gives n of them away."""\n'
    )


def engine(cap: int, page: int = 16, chunk: int = 512) -> EngineCompleter:
    # Hot enough that most samples run to the end, however well the model was trained.
    return completer(
        "tiny",
        max_rows=cap,
        page_size=page,
        prefill_chunk=chunk,
        sampling={"temperature": 3.0, "top_p": 0.98, "max_new_tokens": NEW_TOKENS, "seed": 11},
    )


def run(source: EngineCompleter, requests: Iterable[CompletionRequest]) -> Results:
    global tokens_sampled
    results: Results = {}
    for done in source.complete(requests):
        c = done.candidate
        results[c.task_id, c.sample_index] = (c.token_ids, c.logprobs_raw, c.logprobs, c.text)
        tokens_sampled += done.call.generated_tokens
    return results


def requests(indices: Iterable[int], samples: Iterable[int]) -> list[CompletionRequest]:
    wanted = tuple(samples)
    return [request(str(i), prompt(i), wanted, ("\n\n\n",)) for i in indices]


@pytest.fixture(scope="module")
def reference() -> Results:
    results = run(engine(64), requests(range(26), range(SAMPLES)))
    assert len(results) == 26 * SAMPLES
    return results


def shuffled(items: list[CompletionRequest], seed: int) -> list[CompletionRequest]:
    return random.Random(seed).sample(items, len(items))


@pytest.mark.parametrize(
    ("cap", "page", "chunk", "problems", "samples"),
    [
        (256, 7, 64, range(26), range(SAMPLES)),
        (64, 16, 64, range(26), range(SAMPLES)),
        (7, 7, 512, range(3, 8), range(4, 11)),
        (3, 16, 64, range(7, 9), range(2, 9)),
        (1, 7, 64, range(19, 21), (1, 4, 9)),
    ],
)
def test_batch_order_page_and_chunk_change_no_bit(
    reference: Results, cap: int, page: int, chunk: int, problems: range, samples: Any
) -> None:
    asked = shuffled(requests(problems, samples), seed=cap)
    results = run(engine(cap, page, chunk), asked)
    assert len(results) == len(problems) * len(tuple(samples))
    assert results == {key: reference[key] for key in results}


def test_resume_in_the_middle_changes_no_bit(reference: Results) -> None:
    # Stopped after some hundred samples: what is missing is asked of a new engine.
    first: Results = {}
    for done in engine(64).complete(requests(range(26), range(SAMPLES))):
        first[done.candidate.task_id, done.candidate.sample_index] = ()
        if len(first) == 500:
            break
    missing = [
        request(str(i), prompt(i), wanted, ("\n\n\n",))
        for i in range(26)
        if (wanted := [s for s in range(SAMPLES) if (str(i), s) not in first])
    ]
    results = run(engine(64), missing)
    assert len(results) == 26 * SAMPLES - 500
    assert results == {key: reference[key] for key in results}


def test_at_least_200_000_tokens_were_compared() -> None:
    if not tokens_sampled:
        pytest.skip("counts the tokens of the tests before it")
    assert tokens_sampled >= 200_000


def test_a_product_that_rounds_by_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = engine(4)

    def by_place(self: Decoder, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.cumsum(0)  # each row depends on those before it

    monkeypatch.setattr(Decoder, "logits", by_place)
    with pytest.raises(UserError, match=r"engine\.deterministic: .* output product"):
        list(source.complete(requests(range(1), range(1))))


def test_without_padding_bits_differ(reference: Results) -> None:
    alone = engine(1)
    alone.engine.rounding = dataclasses.replace(alone.engine.rounding, tile=None)
    results = run(alone, requests(range(3), range(3)))
    assert results != {key: reference[key] for key in results}
