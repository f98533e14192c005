"""Checkpoints with random weights: on the device at once, or written as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.bench.shapes import SHAPES, architecture
from pipeline.bench.words import write_tokenizer
from pipeline.config import EngineConfig, ModelConfig, SamplingConfig
from pipeline.engine.architectures import ADAPTERS
from pipeline.engine.checkpoint import Checkpoint
from pipeline.engine.decoder import Decoder, weight_shapes
from pipeline.engine.engine import Engine

SCALE = 0.02  # standard deviation of matrices, as models are initialised
SEED = 20


class Drawn:
    """Random weights by our names."""

    def __init__(self, shape: str, dtype: torch.dtype, device: torch.device) -> None:
        self._shapes = weight_shapes(architecture(shape))
        self._dtype, self._device = dtype, device
        self._generator = torch.Generator(device).manual_seed(SEED)

    def __call__(self, name: str) -> Tensor:
        """Matrices and biases around 0, norms' scales around 1."""
        tensor = torch.empty(self._shapes[name], dtype=self._dtype, device=self._device)
        middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        return tensor.normal_(middle, SCALE, generator=self._generator)


@dataclass(frozen=True, slots=True)
class RandomCheckpoint(Checkpoint):
    """A checkpoint whose weights are drawn when they are asked for."""

    shape: str

    def weights_hash(self) -> str:
        return f"random {self.shape} {SEED}"

    def decoder(
        self, dtype: torch.dtype, device: torch.device, positions: int, progress: bool = True
    ) -> Decoder:
        return Decoder(self.architecture, Drawn(self.shape, dtype, device), positions)


@contextmanager
def random_engine(
    shape: str, device: str, dtype: str, engine: EngineConfig, sampling: SamplingConfig
) -> Iterator[Engine]:
    """An engine of one of SHAPES that needs no files of weights."""
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        a = architecture(shape)
        write_tokenizer(folder, a.vocab_size)
        adapter = ADAPTERS[SHAPES[shape]["model_type"]]
        checkpoint = RandomCheckpoint(folder, adapter, a, (), {}, shape)
        model = ModelConfig.model_validate({"path": directory, "device": device, "dtype": dtype})
        yield Engine(model, engine, sampling, checkpoint)


def write_checkpoint(folder: Path, shape: str, dtype: torch.dtype, device: torch.device) -> None:
    """Writes a checkpoint of one of SHAPES in Hugging Face format, drawn on that device."""
    a = architecture(shape)
    write_tokenizer(folder, a.vocab_size)
    drawn, adapter = Drawn(shape, dtype, device), ADAPTERS[SHAPES[shape]["model_type"]]
    tensors = {adapter.name(name): drawn(name).cpu() for name in weight_shapes(a)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = SHAPES[shape] | {"torch_dtype": str(dtype).removeprefix("torch."), "eos_token_id": []}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
