"""What the engine's samples on a GPU rest on; every figure is written as data."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kernels.prefix_tree_attention.bench.cases import DEEP, RAGGED, UNIFORM, Case, Step
from kernels.prefix_tree_attention.choose import chip_of, explained
from kernels.prefix_tree_attention.decode import decode_attention, decode_plan
from pipeline.backends.engine_backend import EngineCompleter
from pipeline.bench import decode_step
from pipeline.bench.random_weights import random_checkpoint, write_checkpoint
from pipeline.bench.shapes import SHAPES
from pipeline.bench.words import text
from pipeline.bench.workloads import humaneval
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.records import ProblemKey
from pipeline.services import Completion, CompletionRequest
from tests.gpu.proof_files import write_proof

pytestmark = pytest.mark.gpu
HERE = "tests/gpu/test_engine_proofs_gpu.py"
SPARE = 8 << 30  # bytes for activations beside weights and keys


@pytest.fixture(autouse=True)
def _emptied() -> Iterator[None]:
    yield
    gc.collect()
    torch.cuda.empty_cache()


def test_log_probabilities_are_those_of_transformers(tmp_path: Path) -> None:
    """200 samples of 40 prompts, 1.5B shape, bf16, teacher-forced one by one."""
    shape = "Qwen2.5-Coder-1.5B"
    write_checkpoint(tmp_path, shape, torch.bfloat16, torch.device("cuda"))
    completer = EngineCompleter(
        ModelConfig(path=str(tmp_path), device="cuda", dtype="bfloat16"),
        EngineConfig(deterministic=False, max_rows=128),
        SamplingConfig(n=5, top_p=0.95, max_new_tokens=256, length_draw=(16, 256)),
    )
    requests = [
        CompletionRequest(
            ProblemKey("proof", "python", str(i)),
            text(tokens, SHAPES[shape]["vocab_size"], i), tuple(range(5)), ("\ndef", "\nclass"),
        )
        for i, tokens in enumerate(humaneval(problems=164).prompts[:40])
    ]  # fmt: skip
    prompts = {request.problem: request.prompt for request in requests}
    done = [completion.candidate for completion in completer.complete(requests)]
    assert len(done) == 200
    ours = [torch.tensor(candidate.logprobs_raw) for candidate in done]
    whole = [
        [*completer.engine.tokenizer.encode(prompts[c.key.problem]), *c.token_ids] for c in done
    ]
    counts = [len(candidate.token_ids) for candidate in done]
    del completer
    theirs = teacher_forced(tmp_path, torch.bfloat16, whole, counts)
    exact = teacher_forced(tmp_path, torch.float32, whole, counts)
    between = torch.cat([(a - b).abs() for a, b in zip(ours, theirs, strict=True)])
    mine = torch.cat([(a - b).abs() for a, b in zip(ours, exact, strict=True)])
    other = torch.cat([(a - b).abs() for a, b in zip(theirs, exact, strict=True)])
    write_proof(
        "teacher-forced", f"{HERE}::test_log_probabilities_are_those_of_transformers",
        shape=shape, candidates=len(done), tokens=len(between),
        mean_abs_difference=float(between.mean()), most=float(between.max()),
        from_float32=float(mine.mean()), theirs_from_float32=float(other.mean()),
    )  # fmt: skip
    assert mine.mean() < 0.02
    assert mine.mean() < 1.05 * other.mean()


def teacher_forced(
    checkpoint: Path, dtype: torch.dtype, texts: list[list[int]], counts: list[int]
) -> list[torch.Tensor]:
    """Log-probabilities that transformers gives the last `counts` tokens of each text."""
    from transformers import AutoModelForCausalLM

    gc.collect()
    torch.cuda.empty_cache()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=dtype).cuda()
    found = []
    for text_ids, count in zip(texts, counts, strict=True):
        ids = torch.tensor([text_ids], device="cuda")
        with torch.inference_mode():
            logits = model(ids).logits[0, -count - 1 : -1].float()  # [count, V]
        logs = logits.log_softmax(-1).gather(-1, ids[0, -count:, None])[:, 0]
        found.append(logs.cpu())
    return found


def test_keys_and_values_are_not_replicated() -> None:
    """One prompt of 8,192 tokens on the 7B MHA shape, as many samples of 256 tokens as fit."""
    shape, prefix, own = "Llama-2-7B", 8192, 256
    with random_checkpoint(shape) as checkpoint:
        each = decode_step.token_bytes(checkpoint.architecture, "bfloat16")
        small = decode_step.engine_for(
            checkpoint, decode_step.Case(1, prefix, own), "cuda", "bfloat16"
        )
        assert small.decoder is not None  # its weights are in the memory that is not free
        room = (torch.cuda.mem_get_info()[0] - SPARE) // each
        rows = min(int(room - prefix) // own, 1024)
        case = decode_step.Case(rows, prefix, own)
        engine = decode_step.engine_for(checkpoint, case, "cuda", "bfloat16")
        formula = (prefix + rows * own) * each
        found = decode_step.once(engine, case)
        held = engine.arena.allocated_bytes()
        write_proof(
            "memory", f"{HERE}::test_keys_and_values_are_not_replicated", shape=shape,
            samples=rows, prompt_tokens=prefix, own_tokens=own, formula_gib=formula / 2**30,
            held_gib=held / 2**30, replicated_gib=rows * (prefix + own) / (prefix + rows * own)
            * formula / 2**30, over_formula=held / formula, ms=found["ms"],
        )  # fmt: skip
        # All rows were in every step: a cache too small for them would have taken more steps.
        assert found["steps"] == own - 1
        assert found["rows"] == rows * (own - 1)
        assert held / formula < 1.03


def prompt(index: int) -> str:
    return (
        f"def problem_{index}(n):\n"
        f'    """Ann has {3 + index} apples and {7 + 5 * index} pears and gives n of them to '
        f'each of her {2 + index % 5} friends. How many are left?"""\n'
    )


def greedy(device: str, problems: int) -> dict[str, Completion]:
    completer = EngineCompleter(
        ModelConfig(path="tiny", device=device), EngineConfig(deterministic=False, max_rows=256),
        SamplingConfig(n=1, temperature=0, max_new_tokens=64),
    )  # fmt: skip
    requests = [
        CompletionRequest(ProblemKey("gpu", "python", str(i)), prompt(i), (0,), ("\n\n\n",))
        for i in range(problems)
    ]
    return {done.candidate.task_id: done for done in completer.complete(requests)}


def test_greedy_tokens_are_those_of_the_cpu() -> None:
    cpu, gpu = greedy("cpu", 200), greedy("cuda", 200)
    same = sum(gpu[task].candidate.token_ids == cpu[task].candidate.token_ids for task in cpu)
    tokens = sum(len(done.candidate.token_ids) for done in cpu.values())
    write_proof(
        "greedy", f"{HERE}::test_greedy_tokens_are_those_of_the_cpu",
        problems=len(cpu), tokens=tokens, equal=same,
    )  # fmt: skip
    assert len(gpu) == len(cpu) == 200
    assert same == 200


CASES = [
    case
    for case in (*RAGGED, *DEEP, *UNIFORM)
    if case.name
    in (
        "12/2 8x32", "12/2 32x64", "32/8 8x32", "32/32 8x32", "12/2 32x64 header 1500",
        "GQA 32/8 P8192 b64", "GQA 32/8 P8192 b256", "MHA P8192 b64", "MHA P2048 b256",
    )
]  # fmt: skip
ROWS = 24  # of a case that are compared


def errors(case: Case) -> tuple[float, float]:
    """Relative errors against float64 of our attention, as the engine chooses it, and of SDPA."""
    device = torch.device("cuda")
    step = Step(case, device)
    choice, _ = explained(case.workload, chip_of(device))
    multiprocessors = torch.cuda.get_device_properties(device).multi_processor_count
    plan = decode_plan(step.shape, choice, device, multiprocessors)
    plan.update(step.segments, step.branches)
    plan.step(step.lengths, step.pages)
    q, k, v = step.q[0], step.k[0], step.v[0]
    ours = decode_attention(q, k, v, plan, step.lengths, step.pages, step.scale)
    share = case.heads // case.kv_heads
    sums = torch.zeros(3, dtype=torch.float64, device=device)
    for row in torch.linspace(0, case.rows - 1, ROWS).long().tolist():
        path = torch.from_numpy(step.slots_of(row)).to(device)
        keys, values = (x[:, path].repeat_interleave(share, 0) for x in (k, v))  # [H, n, D]
        scores = torch.einsum("hd,hnd->hn", q[row].double(), keys.double()) * step.scale
        exact = torch.einsum("hn,hnd->hd", scores.softmax(-1), values.double())
        plain = torch.nn.functional.scaled_dot_product_attention(
            q[row][None, :, None], keys[None], values[None]
        )[0, :, 0]
        sums += torch.stack([
            (ours[row].double() - exact).square().sum(),
            (plain.double() - exact).square().sum(), exact.square().sum(),
        ])  # fmt: skip
    mine, theirs = (sums[:2] / sums[2]).sqrt().tolist()
    return mine, theirs


def test_attention_is_as_exact_as_plain_attention() -> None:
    assert len(CASES) == 9
    found = {}
    for case in CASES:
        mine, theirs = errors(case)
        found[case.name] = {"ours": mine, "sdpa": theirs, "ratio": mine / theirs}
        torch.cuda.empty_cache()
    write_proof(
        "attention-error", f"{HERE}::test_attention_is_as_exact_as_plain_attention", cases=found
    )
    # Partial results are rounded once more before they are merged.
    assert max(case["ratio"] for case in found.values()) <= 1.05
