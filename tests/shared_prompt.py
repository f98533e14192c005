"""Rows below one prompt of random keys, ready to decode: for tests of steps, and to time them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pipeline.engine.arena import Arena
from pipeline.engine.decoder import Decoder
from pipeline.engine.decoding import Runner
from pipeline.engine.planning import BlockTable, Ints, Rounding, RowsOfPath
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables

PAGE = 16


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
        stop = torch.zeros_like(at)
        self.state.admit(torch.stack([at, full, full, stop, at, at, at, at], 1))
        self.state.slots[at] = torch.from_numpy(slots).to(device)
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
