"""What the engine promises about memory, order of work and its ledger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.backends.engine_backend import EngineCompleter
from pipeline.engine.arena import Arena, KVLayer
from pipeline.engine.decoding import Runner, Tile
from pipeline.engine.philox import stream
from pipeline.records import EngineStep, UserError
from pipeline.services import Completion, CompletionRequest
from tests.unit.engine.checkpoints import CORPUS
from tests.unit.engine.conftest import Checkpoints
from tests.unit.engine.helpers import completer, request


def steps_of(made: EngineCompleter) -> list[EngineStep]:
    """The stretches of work since the last call."""
    return [row for row in made.take_steps() if isinstance(row, EngineStep)]


def by_key(done: list[Completion]) -> dict[Any, Any]:
    return {(c.candidate.task_id, c.candidate.sample_index): c.candidate for c in done}


def test_peak_memory_of_256_samples_of_1024_tokens(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, deterministic=False, max_rows=256, sampling={"max_new_tokens": 65})
    tokenizer = engine.engine.tokenizer
    prompt = CORPUS * 12
    while len(tokenizer.encode(prompt)) > 1024:
        prompt = prompt[:-1]
    assert len(tokenizer.encode(prompt)) == 1024
    peak = 0
    append = KVLayer.append

    def measured(self: KVLayer, *args: Any) -> None:
        nonlocal peak
        append(self, *args)
        tensors = [t for layer in engine.engine.arena.layers for t in (layer.k, layer.v)]
        peak = max(peak, sum(t.untyped_storage().nbytes() for t in tensors))

    monkeypatch.setattr(KVLayer, "append", measured)
    done = list(engine.complete([request("long", prompt, 256)]))
    lengths = np.array([c.call.generated_tokens for c in done])
    # While its t-th token is fed, a sample that is longer stores t keys; all begin together.
    own = max(t * int((lengths > t).sum()) for t in range(1, 65))
    assert own > 256 * 40  # most samples run long, so that own tokens matter
    arena = engine.engine.arena
    ideal = (1024 + own) * arena.token_bytes
    assert ideal <= peak <= 1.1 * ideal
    tensors = 2 * len(arena.layers)  # while the arena grows, one of them lies there twice
    assert arena.peak_bytes <= 1.1 * ideal * (1 + 1 / tensors)


def test_small_memory_makes_rows_wait_and_changes_nothing(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = checkpoint("llama")
    requests = [request(str(i), CORPUS[i : i + 60 + 9 * i], 5) for i in range(6)]
    roomy = completer(folder, max_rows=32)
    expected = by_key(list(roomy.complete(requests)))
    longest = max(len(roomy.engine.tokenizer.encode(r.prompt)) for r in requests)
    tight = completer(folder, max_rows=32, page_size=8)
    token = roomy.engine.arena.token_bytes
    # Room for the longest prompt and two rows
    budget = (-(-longest // 8) * 8 + 2 * 32) * token
    monkeypatch.setattr(tight.engine, "_budget", lambda: budget)
    done = []
    for completion in tight.complete(requests):
        assert tight.engine.arena.allocated_bytes() <= budget + 2 * token
        done.append(completion)
    assert by_key(done) == expected


def test_a_prompt_that_can_never_fit_is_named(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, kv_memory_gib=5e-5)
    short = "x = 1"
    both = [request("big", CORPUS, 1), request("small", short, 1)]
    done = {c.candidate.task_id: c for c in engine.complete(both)}
    assert done["big"].candidate.finish_reason == "failed"
    assert "d/python/big: " in done["big"].fault
    assert "raise engine.kv_memory_gib" in done["big"].fault
    assert done["small"].candidate.token_ids
    assert not done["small"].fault


def test_prompts_longer_than_the_context_are_named_and_the_others_go_on(
    checkpoint: Checkpoints,
) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, sampling={"max_new_tokens": 1800})
    both = [request("long", CORPUS * 12, 2), request("short", "x = 1", 1)]
    engine.check(both)
    done = list(engine.complete(both))
    failed = [c for c in done if c.fault]
    assert len(done) == 3
    assert [c.candidate.task_id for c in failed] == ["long", "long"]
    assert all(c.candidate.finish_reason == "failed" for c in failed)
    named = r"d/python/long: .* exceed the model's 2048 positions"
    assert all(re.match(named, c.fault) for c in failed)
    with pytest.raises(UserError, match=named):  # none is left
        engine.check(both[:1])


def test_values_that_are_not_finite_fail_their_sample_alone(
    checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = checkpoint("llama")
    requests = [request("a", CORPUS[:70], 6), request("b", CORPUS[:50], 3)]
    expected = by_key(list(completer(folder, max_rows=2).complete(requests)))
    engine = completer(folder, max_rows=2)
    words = torch.tensor(stream(0, requests[0].problem, 2, "candidate", 0))
    decode = Runner.decode

    def spoiled(self: Runner, tile: Tile, longest: int) -> Tensor:
        mine = (self.rows.stream == words).all(1) & (self.rows.count == 3)
        for layer in self.arena.layers if mine.any() else ():
            layer.v[:, self.rows.slots[mine][0, :2]] = torch.nan
        return decode(self, tile, longest)

    monkeypatch.setattr(Runner, "decode", spoiled)
    done = list(engine.complete(requests))
    (failed,) = [c for c in done if c.fault]
    assert failed.fault.startswith("d/python/a: the model's logits are not finite")
    assert failed.candidate.finish_reason == "failed"
    whole = expected.pop(("a", 2))
    assert failed.candidate.token_ids == whole.token_ids[:3]
    assert failed.candidate.logprobs_raw == whole.logprobs_raw[:3]
    # Not those either that were given its pages afterwards.
    assert by_key([c for c in done if not c.fault]) == expected


def test_requests_are_pulled_as_there_is_room(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    pulled = 0

    def source() -> Iterator[CompletionRequest]:
        nonlocal pulled
        for i in range(50):
            pulled += 1
            yield request(str(i), CORPUS[i : i + 40], 4)

    engine = completer(folder, max_rows=8, prefill_chunk=100)
    tokens = len(engine.engine.tokenizer.encode(CORPUS[:40]))
    stream = engine.complete(source())
    next(stream)
    assert pulled <= 3 + -(-100 // tokens)  # those of free rows and one more, and a pass
    assert len(list(stream)) == 199
    assert pulled == 50


def test_short_prompts_are_prefilled_together(checkpoint: Checkpoints) -> None:
    """However few rows get free at a time."""
    folder, _ = checkpoint("llama")
    requests = [request(str(i), CORPUS[i : i + 30], 2) for i in range(24)]
    alone = completer(folder, max_rows=4, prefill_chunk=1)
    together = completer(folder, max_rows=4, prefill_chunk=512)
    expected = by_key(list(alone.complete(requests)))
    assert by_key(list(together.complete(requests))) == expected
    passes = [s for s in steps_of(together) if s.kind == "prefill"]
    tokens = sum(s.rows for s in passes)
    assert 24 < tokens < 24 * 30
    assert sum(s.steps for s in passes) <= -(-tokens // 512) + 1


def test_each_sample_comes_exactly_once_and_memory_is_given_back(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, max_rows=5)
    text = CORPUS[:90]
    requests = [
        request("a", text, 7),
        request("same", text, [3, 11]),
        request("start", text[:50], 3),  # lies wholly on the path of the others
        request("none", text, 0),
        request("other", "import os\n", 2),
    ]
    done = list(engine.complete(requests))
    keys = [(c.candidate.task_id, c.candidate.sample_index) for c in done]
    assert sorted(keys) == sorted(
        (r.problem.task_id, i) for r in requests for i in r.sample_indices
    )
    arena: Arena = engine.engine.arena
    prompt_pages = arena.pages_for(len(engine.engine.tokenizer.encode(text)))
    assert arena.capacity - arena.available <= prompt_pages  # the shared prefix may be kept


def test_stop_strings_and_ends(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, sampling={"max_new_tokens": 120, "temperature": 1.0})
    stops = ("e", "\n ", "s(")
    done = list(engine.complete([request("a", CORPUS[:70], 60, stops)]))
    reasons = {c.candidate.finish_reason for c in done}
    assert "stop" in reasons
    tokenizer, eos = engine.engine.tokenizer, engine.engine.checkpoint.eos
    for completion in done:
        candidate, call = completion.candidate, completion.call
        assert call.generated_tokens == len(candidate.token_ids)
        assert call.discarded_tokens == 0
        assert (candidate.text, candidate.token_ends) == tokenizer.decode(candidate.token_ids)
        before = tokenizer.decode(candidate.token_ids[:-1])[0]
        assert not any(stop in before for stop in stops)
        if candidate.finish_reason == "stop":
            assert candidate.stop in stops
            places = [candidate.text.find(s) for s in stops if s in candidate.text]
            assert candidate.text.find(candidate.stop) == min(places)
        elif candidate.finish_reason == "eos":
            assert candidate.token_ids[-1] in eos
        else:
            assert len(candidate.token_ids) == 120
            assert not any(stop in candidate.text for stop in stops)


@pytest.mark.parametrize("lag", [1, 3])
def test_tokens_drawn_after_the_end_are_discarded_and_counted(
    checkpoint: Checkpoints, lag: int
) -> None:
    folder, _ = checkpoint("llama")
    runs = []
    for steps in (0, lag):
        engine = completer(folder, max_rows=6)
        engine.engine.lag = steps
        runs.append(list(engine.complete([request("a", CORPUS[:70], 20, ("e", "t"))])))
    prompt, late = by_key(runs[0]), by_key(runs[1])
    assert late == prompt
    assert any(c.call.discarded_tokens for c in runs[1])
    for completion in runs[1]:
        kept = len(completion.candidate.token_ids)
        assert completion.call.discarded_tokens == min(lag, 32 - kept)
        assert completion.call.generated_tokens == kept + completion.call.discarded_tokens


def test_header_tokens_are_those_common_with_the_header(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder)
    header = "# Add numbers.\n\n"
    requests = [
        request(str(i), header + tail, 1, header_chars=len(header))
        for i, tail in enumerate(("def f(x):", "class A:"))
    ]
    encode = engine.engine.tokenizer.encode
    for completion in engine.complete(requests):
        ids = encode(requests[int(completion.call.task_id)].prompt)
        count = completion.call.header_tokens
        assert 0 < count <= len(encode(header))
        assert ids[:count] == encode(header)[:count]
    alone = list(engine.complete([request("x", header + "def f(x):", 1)]))
    assert alone[0].call.header_tokens == 0


def test_steps_count_rows_and_distinct_keys(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder, max_rows=16, prefill_chunk=40, sampling={"max_new_tokens": 20})
    done = list(engine.complete([request("a", CORPUS[:200], 9)]))
    steps = steps_of(engine)
    assert engine.take_steps() == []
    prompt = done[0].call.prompt_tokens
    lengths = [c.call.generated_tokens for c in done]
    decode = [s for s in steps if s.kind == "decode"]
    assert sum(s.steps for s in decode) == max(lengths) - 1
    assert sum(s.rows for s in decode) == sum(lengths) - 9
    alive = [[n for n in lengths if n > step] for step in range(1, max(lengths))]
    expected = sum(prompt + step * len(rows) for step, rows in enumerate(alive, 1))
    assert sum(s.kv_tokens for s in decode) == expected
    prefill = [s for s in steps if s.kind == "prefill"]
    assert sum(s.rows for s in prefill) == prompt
    assert sum(s.steps for s in prefill) == -(-prompt // 40)
    assert all(s.m_seconds > 0 for s in steps)


def test_a_prompt_shared_by_two_problems_is_prefilled_once(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    engine = completer(folder)
    header = CORPUS[:200]
    done = list(engine.complete(request(str(i), f"{header}\nx{i} = ", 2) for i in range(4)))
    tokens = [engine.engine.tokenizer.encode(f"{header}\nx{i} = ") for i in range(4)]
    shared = next(i for i, column in enumerate(zip(*tokens, strict=False)) if len(set(column)) > 1)
    rows = sum(s.rows for s in steps_of(engine) if s.kind == "prefill")
    assert rows == shared + sum(len(ids) - shared for ids in tokens)
    assert len(done) == 8


def test_environment_and_identity(checkpoint: Checkpoints) -> None:
    folder, _ = checkpoint("llama")
    one, two = completer(folder, max_rows=3), completer(folder, max_rows=9)
    assert one.identity() == two.identity()
    assert one.environment() != two.environment()
    other = completer(folder, sampling={"seed": 5})
    assert other.identity() != one.identity()
    assert completer(folder, threads=2).identity() != one.identity()
    relaxed = [completer(folder, deterministic=False, threads=n).identity() for n in (1, 2)]
    assert relaxed[0] == relaxed[1]
    assert torch.__version__ == one.environment()["torch"]
