"""Models of random weights and batches that share one prompt: what speed is measured with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.architecture import Architecture, Rope
from pipeline.engine.arena import Arena
from pipeline.engine.decoder import Decoder, weight_shapes
from pipeline.engine.decoding import Runner
from pipeline.engine.planning import BlockTable, Ints, Rounding, RowsOfPath
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables

PAGE = 16


def gated(
    family: str, vocab_size: int, hidden: int, layers: int, heads: int, kv_heads: int,
    intermediate: int, *, qkv_bias: bool = False, tied: bool = False, theta: float = 10000.0,
) -> Architecture:  # fmt: skip
    """An architecture of the llama kind that sees everything, heads of hidden / heads."""
    return Architecture(
        family=family, vocab_size=vocab_size, hidden=hidden, layers=layers, heads=heads,
        kv_heads=kv_heads, head_dim=hidden // heads, intermediate=intermediate, context=32768,
        norm="rms", norm_eps=1e-5, mlp="gated", activation="silu", rope=Rope(theta),
        qkv_bias=qkv_bias, output_bias=False, mlp_bias=False, qk_norm=False, tied=tied,
        windows=(None,) * layers,
    )  # fmt: skip


SHAPES = {
    "llama-2-7b": gated("llama", 32000, 4096, 32, 32, 32, 11008),
    "mistral-7b": gated("mistral", 32000, 4096, 32, 32, 8, 14336),
    "qwen2.5-coder-1.5b": gated(
        "qwen2", 151936, 1536, 28, 12, 2, 8960, qkv_bias=True, tied=True, theta=1e6
    ),
}


def random_decoder(
    architecture: Architecture, device: torch.device, dtype: torch.dtype = torch.bfloat16,
    positions: int = 32768, deviation: float = 0.02, seed: int = 0,
) -> Decoder:  # fmt: skip
    """Norm scales are one, everything else is normal, by default as the families initialise it."""
    shapes = weight_shapes(architecture)
    generator = torch.Generator(device).manual_seed(seed)

    def weight(name: str) -> Tensor:
        if name.endswith("norm.weight"):
            return torch.ones(shapes[name], dtype=dtype, device=device)
        made = torch.empty(shapes[name], dtype=dtype, device=device)
        return made.normal_(0.0, deviation, generator=generator)

    return Decoder(architecture, weight, positions)


class SharedPromptBatch:
    """Rows below one prompt of random keys, ready to decode."""

    def __init__(
        self, decoder: Decoder, prompt: int, rows: int, own: int, sampler: Sampler | None = None
    ) -> None:
        """prompt: its tokens; own: tokens that each row can hold; sampler: greedy without one."""
        a, device = decoder.architecture, decoder.device
        pages = -(-prompt // PAGE), -(-own // PAGE)
        token_bytes = 2 * a.layers * a.kv_heads * a.head_dim * decoder.dtype.itemsize
        budget = (pages[0] + rows * pages[1]) * PAGE * token_bytes
        self.arena = Arena(a, decoder.dtype, device, PAGE, budget)
        self.arena.reserve(self.arena.capacity)
        for layer in self.arena.layers:
            layer.k.normal_()
            layer.v.normal_()
        extent = self.arena.take_extent(pages[0])
        assert extent is not None
        shared = self.arena.slots(extent)[:prompt]
        own_pages = self.arena.take_pages(rows * pages[1])
        np.random.default_rng(0).shuffle(own_pages)
        slots = self.arena.slots(own_pages).reshape(rows, -1)[:, :own]
        blocks = BlockTable(64)
        self.state = Rows(rows, own, device)
        at = torch.arange(rows, device=device)
        full = torch.full_like(at, prompt)
        streams = torch.stack([at, at, at, at], 1)
        self.state.admit(
            at, full, full, torch.zeros_like(at), streams, torch.from_numpy(slots).to(device)
        )
        stops = StopTables([b""] * a.vocab_size, [], device)
        self.state.stop[at] = stops.start(())
        sampler = sampler or Sampler(0.0, None, None, None, None)
        self.runner = Runner(
            decoder, self.arena, self.state, Rounding(None), sampler, stops, blocks
        )
        self._blocks, self._runs = blocks.add(shared), ((int(shared[0]), prompt),)
        self.take(np.arange(rows, dtype=np.int64))
        self.rewind()

    def take(self, rows: Ints) -> None:
        """Decodes these rows from now on."""
        (self.tile,) = self.runner.tiles([RowsOfPath(rows, self._blocks, self._runs)])

    def rewind(self, own: int = 1) -> None:
        """Every row has that many tokens of its own again."""
        self.state.count[:-1] = own
        self.state.ended[:-1] = 0

    def step(self, longest: int = 1) -> Tensor:
        """Decodes one token of each row. longest: own tokens of a row, asked for on a CPU."""
        return self.runner.decode(self.tile, longest)

    def milliseconds(self, steps: int) -> float:
        """Device time of a step, the mean over that many from the first own token on."""
        self.rewind()
        self.step()  # compiles and captures
        self.rewind()
        torch.cuda.synchronize()
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch has no types
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # as above
        start.record()
        for _ in range(steps):
            self.step()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / steps
