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
from pipeline.engine.architectures import ADAPTERS, Adapter
from pipeline.engine.checkpoint import Checkpoint
from pipeline.engine.decoder import Decoder, weight_shapes

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
    """A checkpoint whose weights are drawn when they are asked for, once."""

    shape: str
    drawn: dict[tuple[torch.dtype, torch.device], Decoder]

    def weights_hash(self) -> str:
        return f"random {self.shape} {SEED}"

    def decoder(
        self, dtype: torch.dtype, device: torch.device, positions: int, progress: bool = True
    ) -> Decoder:
        at = dtype, device
        if at not in self.drawn:
            self.drawn[at] = Decoder(self.architecture, Drawn(self.shape, *at), positions)
        return self.drawn[at]


@contextmanager
def random_checkpoint(shape: str) -> Iterator[RandomCheckpoint]:
    """One of SHAPES, its tokenizer alone a file."""
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        a = architecture(shape)
        write_tokenizer(folder, a.vocab_size)
        yield RandomCheckpoint(folder, _adapter(shape), a, (), {}, shape, {})


def _adapter(shape: str) -> Adapter:
    return ADAPTERS[SHAPES[shape]["model_type"]]


def write_checkpoint(folder: Path, shape: str, dtype: torch.dtype, device: torch.device) -> None:
    """Writes a checkpoint of one of SHAPES in Hugging Face format, drawn on that device."""
    a = architecture(shape)
    write_tokenizer(folder, a.vocab_size)
    drawn, adapter = Drawn(shape, dtype, device), _adapter(shape)
    tensors = {adapter.name(name): drawn(name).cpu() for name in weight_shapes(a)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = SHAPES[shape] | {"torch_dtype": str(dtype).removeprefix("torch."), "eos_token_id": []}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
