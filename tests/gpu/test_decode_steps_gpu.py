"""Decode steps as CUDA graphs: the tokens of eager steps, padding, and capturing again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from kernels.decode_step import few_rows
from pipeline.backends.engine_backend import EngineCompleter
from pipeline.bench.random_weights import Drawn
from pipeline.bench.shapes import architecture
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine import decode_steps
from pipeline.engine.decoder import Decoder
from pipeline.records import ProblemKey
from pipeline.services import CompletionRequest
from tests.shared_prompt import SharedPromptBatch

pytestmark = pytest.mark.gpu


def tokens(
    device: str, problems: int, samples: int, *, stops: bool = False, rows: int = 64,
    **sampling: Any,
) -> dict[tuple[str, int], list[int]]:  # fmt: skip
    """Of the bundled model in float32; with `stops`, stop strings of each problem's own."""
    completer = EngineCompleter(
        ModelConfig(path="tiny", device=device),
        EngineConfig(deterministic=False, max_rows=rows, kv_memory_gib=0.5),
        SamplingConfig(n=samples, **sampling),
    )
    requests = (  # one after another, so that stop tables grow while others decode
        CompletionRequest(
            ProblemKey("gpu", "python", str(i)), f"def f{i}(a, b):\n    # {'more ' * i}\n",
            tuple(range(samples)), (f"{i}\n", "return a") if stops else (),
        )
        for i in range(problems)
    )  # fmt: skip
    done = [c.candidate for c in completer.complete(requests)]
    return {(c.task_id, c.sample_index): list(c.token_ids) for c in done}


def alike(a: dict[tuple[str, int], list[int]], b: dict[tuple[str, int], list[int]]) -> float:
    assert a.keys() == b.keys()
    return sum(a[key] == b[key] for key in a) / len(a)


def test_greedy_tokens_are_those_of_a_cpu_and_of_eager_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graphs = tokens("cuda", 40, 1, temperature=0, max_new_tokens=48)
    # Ties within the rounding of float32 may fall differently; they are rare.
    assert alike(graphs, tokens("cpu", 40, 1, temperature=0, max_new_tokens=48)) >= 39 / 40
    monkeypatch.setattr(decode_steps.DecodeStep, "run", decode_steps.DecodeStep._once)
    assert alike(graphs, tokens("cuda", 40, 1, temperature=0, max_new_tokens=48)) == 1


def test_stop_tables_that_grow_are_captured_again() -> None:
    wanted = {"temperature": 0.8, "max_new_tokens": 64, "rows": 24}
    cpu = tokens("cpu", 12, 6, stops=True, **wanted)
    assert alike(cpu, tokens("cuda", 12, 6, stops=True, **wanted)) >= 0.95
    assert len({len(ids) for ids in cpu.values()}) > 3  # stop strings do end samples


def batch(rows: int) -> SharedPromptBatch:
    drawn = Drawn("Tiny", torch.float32, torch.device("cuda"))

    def weights(name: str) -> torch.Tensor:  # matrices large enough that attention matters
        return drawn(name) if "norm" in name else 10 * drawn(name)

    return SharedPromptBatch(Decoder(architecture("Tiny"), weights, 2048), 100, rows, 40)


def drawn(made: SharedPromptBatch, rows: int) -> torch.Tensor:
    made.rewind()
    made.state.token[:-1] = torch.arange(len(made.state.token) - 1, device="cuda")
    for _ in range(30):
        made.step()
    return made.state.ids[:rows, 1:31].clone()


def test_padding_changes_nothing() -> None:
    """Nine rows in a step of twelve draw what they draw among twelve."""
    full = batch(12)
    expected = drawn(full, 9)
    full.take(np.arange(9))
    assert full.tile.step is not None
    assert len(full.tile.step.rows) == 12
    assert torch.equal(drawn(full, 9), expected)
    assert int(full.state.count[-1]) == 1


def test_one_step_serves_trees_that_change() -> None:
    """The graph follows when rows change places, and is captured again when its plan grows."""
    made = batch(12)
    expected = drawn(made, 12)
    steps = {id(made.tile.step)}
    for order in (range(11, -1, -1), range(12)):
        made.take(np.array(order))
        steps.add(id(made.tile.step))
        assert torch.equal(drawn(made, 12), expected)
    assert len(steps) == 1


def test_products_of_few_rows_are_as_exact_as_the_librarys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log-probabilities of greedy tokens in bf16, beside the same weights and keys in float32."""
    shape, rows = architecture("Qwen2.5-Coder-1.5B"), 48
    shape = replace(shape, layers=4, vocab_size=4096, windows=shape.windows[:4])
    kept: dict[str, torch.Tensor] = {}
    drawn = Drawn("Qwen2.5-Coder-1.5B", torch.bfloat16, torch.device("cuda"))

    def weights(name: str) -> torch.Tensor:
        if name not in kept:
            kept[name] = drawn(name)[:4096] if name == "embedding" else drawn(name)
        return kept[name]

    def log_probabilities(decoder: Decoder) -> tuple[torch.Tensor, torch.Tensor]:
        made = SharedPromptBatch(decoder, 64, rows, 8)
        generator = torch.Generator("cuda").manual_seed(2)
        for layer in made.arena.layers:  # the same keys and values in both dtypes
            for arena in (layer.k, layer.v):
                drawn = torch.randn(arena.shape, generator=generator, device="cuda")
                arena.copy_(drawn.bfloat16())
        made.state.token[:-1] = torch.arange(rows, device="cuda")
        made.step()
        return made.state.ids[:rows, 1], made.state.raw[:rows, 1]

    decoder = Decoder(shape, weights, 256)
    few = log_probabilities(decoder)
    with monkeypatch.context() as patched:
        patched.setattr(few_rows, "ROWS", 0)
        library = log_probabilities(decoder)
    exact = log_probabilities(Decoder(shape, lambda name: weights(name).float(), 256))
    same = (few[0] == exact[0]) & (library[0] == exact[0])
    assert int(same.sum()) > rows / 2
    mine, other = (float((x[1] - exact[1])[same].abs().mean()) for x in (few, library))
    print(f"mean distance from float32: {mine:.2e}, library {other:.2e}")
    assert not torch.equal(few[1], library[1])  # the products of few rows were taken
    assert mine < 1.05 * other


@pytest.mark.parametrize(("rows", "deterministic"), [(12, False), (64, False), (64, True)])
def test_nothing_is_captured_in_steady_state(rows: int, deterministic: bool) -> None:
    """Prompts come and go, rows are refilled and the run drains: by graphs of before its first
    sample, which a second run of the engine finds there."""
    completer = EngineCompleter(
        ModelConfig(path="tiny", device="cuda"),
        EngineConfig(deterministic=deterministic, max_rows=rows, kv_memory_gib=0.5),
        SamplingConfig(n=20, max_new_tokens=64, temperature=0.8, length_draw=(4, 64)),
    )
    seen = []
    for run in range(2):
        for _ in completer.complete(
            CompletionRequest(
                ProblemKey("gpu", "python", f"{run}-{i}"), "def f(a):\n" + f"    # {i}\n" * (i % 7),
                tuple(range(20)), ("\nclass", f"stop{i}"),
            )
            for i in range(24)
        ):  # fmt: skip
            seen.append(replace(completer.engine.graphs))
    assert len(seen) == 2 * 24 * 20
    assert seen[0].ahead == (1 if rows == 12 else 2)
    assert seen[0].ahead_seconds > 0
    assert {(graphs.ahead, graphs.late) for graphs in seen} == {(seen[0].ahead, 0)}


def test_a_run_of_one_sample_has_one_graph_captured() -> None:
    completer = EngineCompleter(
        ModelConfig(path="tiny", device="cuda"),
        EngineConfig(deterministic=False, max_rows=512, kv_memory_gib=0.5),
        SamplingConfig(n=1, max_new_tokens=16),
    )
    request = CompletionRequest(ProblemKey("gpu", "python", "0"), "def f(a):\n", (0,), ())
    assert len(list(completer.complete([request]))) == 1
    assert (completer.engine.graphs.ahead, completer.engine.graphs.late) == (1, 0)
