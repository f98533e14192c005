"""The training loop: AdamW, linear warm-up and cosine decay, loss on completions.

Prompt tokens count with a small weight. Everything that made the weights is written beside them.
"""

from __future__ import annotations

import csv
import json
import math
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import tokenization
from .data import Batch, Loader, Mixture, Source
from .figure import draw_loss
from .model import ModelConfig, TinyLlama, save


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Everything that decides the weights, up to the machine's rounding and scheduling."""

    steps: int = 6000
    tokens: int = 65536  # ids a batch, padding included
    learning_rate: float = 3e-3
    warmup: int = 200
    weight_decay: float = 0.05
    prompt_weight: float = 0.1
    seed: int = 0
    workers: int = 14
    max_seconds: float = 1e9  # the schedule is shortened so that training ends by then
    without: tuple[str, ...] = ()


def _weights(batch: Batch, prompt_weight: float, device: torch.device) -> Tensor:
    """Loss weight of predicting token j+1 at j: [rows, length - 1]."""
    target = torch.arange(1, batch.ids.shape[1], device=device)[None]
    prompts = torch.from_numpy(batch.prompts).to(device)[:, None]
    lengths = torch.from_numpy(batch.lengths).to(device)[:, None]
    return torch.where(target < prompts, prompt_weight, 1.0) * (target < lengths)


def _loss(model: TinyLlama, batch: Batch, prompt_weight: float) -> tuple[Tensor, Tensor]:
    """The weighted loss, and the plain mean over completion tokens."""
    device = next(model.parameters()).device
    ids = torch.from_numpy(batch.ids.astype(np.int64)).to(device, non_blocking=True)
    weights = _weights(batch, prompt_weight, device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        hidden = model(ids[:, :-1])
        logits = model.logits(hidden)
    each = functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    each = each.view_as(weights)
    completion = (weights == 1.0).float()
    plain = (each.detach() * completion).sum() / completion.sum()
    return (each * weights).sum() / weights.sum(), plain


def _optimizer(model: TinyLlama, config: TrainingConfig) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    fused = next(model.parameters()).is_cuda
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98), fused=fused)


def train(
    directory: Path,
    published: Path,
    config: TrainingConfig,
    model_config: ModelConfig | None = None,
    mixture: Mixture | None = None,
) -> TinyLlama:
    """Train from nothing with ``directory/tokenizer.json``; write weights, log and statistics."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(config.seed)
    torch.set_float32_matmul_precision("high")
    mixture = mixture or Mixture()
    source = Source(
        config.seed,
        directory / "tokenizer.json",
        published,
        config.tokens,
        mixture,
        frozenset(config.without),
    )
    loader = Loader(source, config.workers)
    vocabulary = tokenization.load_tokenizer(source.tokenizer).get_vocab_size()
    model = TinyLlama(model_config or ModelConfig(vocabulary=vocabulary)).to(device)
    optimizer = _optimizer(model, config)
    log: list[dict[str, float]] = []
    tokens = 0
    begin = time.monotonic()
    recent: list[Tensor] = []
    progress, step = 0.0, 0
    for batch in loader:
        elapsed = time.monotonic() - begin
        progress = max(step / config.steps, elapsed / config.max_seconds)
        if progress >= 1.0:
            break
        scale = min((step + 1) / config.warmup, 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * scale
        loss, plain = _loss(model, batch, config.prompt_weight)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent.append(plain)
        tokens += int(batch.lengths.sum())
        step += 1
        if step % 50 == 0:
            row = {
                "step": step,
                "tokens": tokens,
                "completion_loss": round(torch.stack(recent).mean().item(), 5),
                "learning_rate": config.learning_rate * scale,
                "seconds": round(elapsed, 1),
            }
            log.append(row)
            recent = []
            if step % 200 == 0:
                print(row, flush=True)
    statistics = loader.statistics()
    loader.close()
    save(model, directory)
    _write_record(directory, config, model, mixture, log, statistics, step)
    return model


def _write_record(
    directory: Path,
    config: TrainingConfig,
    model: TinyLlama,
    mixture: Mixture,
    log: list[dict[str, float]],
    statistics: dict[str, dict[str, int]],
    steps: int,
) -> None:
    """``training_log.csv``, ``training.json`` and ``data_statistics.json``."""
    with (directory / "training_log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(log[0]) if log else ["step"])
        writer.writeheader()
        writer.writerows(log)
    if log:
        draw_loss(directory / "training_log.csv", directory / "loss.svg")
    device = next(model.parameters()).device
    record = {
        "command": "python -m benchmarks_data.tiny_model.train " + " ".join(sys.argv[1:]),
        "training": asdict(config),
        "mixture": asdict(mixture),
        "model": asdict(model.config),
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": steps,
        "tokens": log[-1]["tokens"] if log else 0,
        "seconds": log[-1]["seconds"] if log else 0,
        "machine": torch.cuda.get_device_name() if device.type == "cuda" else platform.machine(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }
    for name, content in (("training.json", record), ("data_statistics.json", statistics)):
        text = json.dumps(content, indent=1, sort_keys=True)
        (directory / name).write_text(text + "\n", encoding="utf-8")
