"""`drawing.Draw` by kernels: the same tokens but for the rounding of sums, logits of any dtype."""

from __future__ import annotations

from torch import Tensor

from kernels.sampling.draw import Filters, advance, draw_tokens
from pipeline.engine.drawing import Draw
from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables


class KernelDraw(Draw):
    """One call a step: a few launches, whatever the filters."""

    def __init__(self, state: Rows, sampler: Sampler, stops: StopTables) -> None:
        super().__init__(state, sampler, stops)
        s = sampler
        self._filters = Filters(s.temperature, s.top_k, s.top_p, s.min_p, s.banned)
        eos = stops.ends.nonzero()
        self._eos = int(eos[0]) if len(eos) else 0

    def __call__(self, rows: Tensor, logits: Tensor, real: int) -> Tensor:
        state, rows = self._state, rows.contiguous()
        tokens, raw, processed = draw_tokens(
            logits, rows, state.stream, state.count, self._filters, self._eos
        )
        return advance(
            state, rows, tokens, raw, processed, self._stops.table, self._stops.ends, real
        )
