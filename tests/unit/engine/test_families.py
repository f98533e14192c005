"""Every family against its transformers implementation on random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.engine.sampling import Sampler
from tests.unit.engine.checkpoints import CORPUS, FAMILIES, write_checkpoint
from tests.unit.engine.conftest import Checkpoints
from tests.unit.engine.helpers import completer, request, teacher_forced


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], torch.Tensor]:
    """Logits that tokens were drawn from, by (stream, position)."""
    recorded: dict[tuple[str, int], torch.Tensor] = {}
    draw = Sampler.draw

    def record(self: Sampler, logits: Any, streams: Any, positions: Any) -> Any:
        for row, words, position in zip(logits, streams.tolist(), positions.tolist(), strict=True):
            recorded["".join(f"{w:08x}" for w in words), position] = row.clone()
        return draw(self, logits, streams, positions)

    monkeypatch.setattr(Sampler, "draw", record)
    return recorded


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("name", FAMILIES)
def test_logits_of_prefill_and_64_decode_steps_equal_transformers(
    checkpoint: Checkpoints,
    seen: dict[tuple[str, int], torch.Tensor],
    name: str,
    deterministic: bool,
) -> None:
    folder, model = checkpoint(name)
    engine = completer(
        folder,
        deterministic=deterministic,
        max_rows=4,  # fewer than the samples, so that rows come and go
        prefill_chunk=50,
        sampling={"max_new_tokens": 65},
    )
    prompts = {"a": CORPUS[:230], "b": CORPUS[:120] + "xyz", "c": "print("}
    done = list(engine.complete(request(k, p, 7) for k, p in prompts.items()))
    assert len(done) == 21
    assert max(len(d.candidate.token_ids) for d in done) == 65
    for completion in done:
        call, candidate = completion.call, completion.candidate
        ids = engine.engine.tokenizer.encode(prompts[call.task_id])
        expected = teacher_forced(model, ids, candidate)
        ours = torch.stack([seen[call.stream, i] for i in range(len(candidate.token_ids))])
        scale = expected.max() - expected.min()
        assert (ours - expected).abs().max() < 1e-4 * scale


@pytest.mark.parametrize("name", FAMILIES)
def test_greedy_tokens_equal_generate(checkpoint: Checkpoints, name: str) -> None:
    folder, model = checkpoint(name)
    engine = completer(folder, sampling={"n": 1, "temperature": 0, "max_new_tokens": 48})
    prompts = {"a": CORPUS[:150], "b": CORPUS[200:260]}
    padding = [i for i, known in enumerate(engine.engine.tokenizer.known) if not known]
    assert padding
    for done in engine.complete(request(k, p, 1) for k, p in prompts.items()):
        ids = torch.tensor([engine.engine.tokenizer.encode(prompts[done.call.task_id])])
        expected = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=48,
            suppress_tokens=padding, pad_token_id=0,
        )[0, ids.shape[1] :]  # fmt: skip
        assert list(done.candidate.token_ids) == expected.tolist()
        assert done.candidate.logprobs == (0.0,) * len(expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays_near_float32(checkpoint: Checkpoints, dtype: str) -> None:
    folder, model = checkpoint("qwen3")
    engine = completer(folder, dtype=dtype, deterministic=False)
    done = list(engine.complete([request("a", CORPUS[:200], 4)]))
    ids = engine.engine.tokenizer.encode(CORPUS[:200])
    for completion in done:
        expected = teacher_forced(model, ids, completion.candidate).log_softmax(-1)
        tokens = torch.tensor(completion.candidate.token_ids)
        at = expected.gather(1, tokens[:, None])[:, 0]
        assert (torch.tensor(completion.candidate.logprobs_raw) - at).abs().mean() < 0.1


def test_200_candidates_teacher_forced_reproduce_their_log_probabilities(
    checkpoint: Checkpoints,
) -> None:
    folder, model = checkpoint("llama")
    engine = completer(folder, sampling={"top_p": 0.95, "max_new_tokens": 24}, deterministic=False)
    prompts = {str(i): CORPUS[7 * i : 7 * i + 90] for i in range(10)}
    done = list(engine.complete(request(k, p, 20) for k, p in prompts.items()))
    assert len(done) == 200
    for completion in done:
        candidate = completion.candidate
        ids = engine.engine.tokenizer.encode(prompts[candidate.task_id])
        expected = teacher_forced(model, ids, candidate).log_softmax(-1)
        at = expected.gather(1, torch.tensor(candidate.token_ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(candidate.logprobs_raw), at, atol=1e-4, rtol=0)


def test_sharded_weights_load_like_whole_ones(tmp_path: Path, checkpoint: Checkpoints) -> None:
    whole, _ = checkpoint("llama")
    write_checkpoint(tmp_path, "llama", max_shard_size="100KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    texts = [
        [c.candidate for c in completer(folder).complete([request("a", CORPUS[:80], 3)])]
        for folder in (whole, tmp_path)
    ]
    assert texts[0] == texts[1]
