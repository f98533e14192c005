"""The bench of the sample stage: exact prompts, drawn lengths, and figures of rows on disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.bench.random_weights import random_checkpoint, write_checkpoint
from pipeline.bench.results import Results
from pipeline.bench.sample_stage import LENGTHS, configuration, sampled
from pipeline.bench.words import text
from pipeline.bench.workloads import HUMANEVAL_CHARACTERS, humaneval, one_prompt
from pipeline.engine.lengths import LengthDraw
from pipeline.engine.tokenizer import Tokenizer
from pipeline.records import ProblemKey


def test_a_text_has_exactly_the_wanted_tokens() -> None:
    with random_checkpoint("Llama-2-7B") as checkpoint:
        tokenizer = Tokenizer(checkpoint.path, 32000)
        for tokens in (1, 7, 512):
            assert len(tokenizer.encode(text(tokens, 32000, seed=tokens))) == tokens
        assert tokenizer.known.count(False) == 256
    assert text(20, 32000, 1) != text(20, 32000, 2)


def test_prompts_are_as_long_as_humanevals() -> None:
    characters = np.array(humaneval().prompts) * 3.4
    assert len(characters) == 164
    deciles = np.quantile(characters, np.linspace(0, 1, 11))
    assert deciles == pytest.approx(np.array(HUMANEVAL_CHARACTERS), rel=0.03)
    assert one_prompt().prompts == (512,)


def test_kept_tokens_are_the_drawn_lengths(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", "Tiny", torch.float32, torch.device("cpu"))
    config = configuration(
        tmp_path, tmp_path / "checkpoint", humaneval(samples=3, problems=4), 512, "cpu", 8,
        ["model.dtype=float32"],
    )  # fmt: skip
    found = sampled(config)
    draw = LengthDraw(*LENGTHS, seed=0)
    wanted = [
        draw.of(ProblemKey("bench", "python", f"bench/{i}"), sample)
        for i in range(4)
        for sample in range(3)
    ]
    assert found["candidates"] == 12
    # A stop string may end a sample of random bytes before its length; it never ends later.
    assert 0.8 * sum(wanted) < found["kept_tokens"] <= sum(wanted)
    assert 0 < found["busy"] <= 1
    assert found["seconds"] <= found["whole_seconds"]
    assert found["decode_steps"] >= max(wanted) - 1


def test_a_file_is_whole_after_every_row(tmp_path: Path) -> None:
    results = Results(tmp_path, "steps-Tiny", "forkeval bench engine", torch.device("cpu"))
    results.note(matrix_tflops=1.0)
    for index in range(2):
        results.add({"samples": index})
        found = json.loads((tmp_path / "cpu-steps-Tiny.json").read_text())
        assert found["rows"] == [{"samples": i} for i in range(index + 1)]
        assert found["matrix_tflops"] == 1.0
        assert found["torch"] == torch.__version__
