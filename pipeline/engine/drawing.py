"""A token for each row: drawn, checked against stop strings, written into the rows' state."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.engine.rows import Rows
from pipeline.engine.sampling import Sampler
from pipeline.engine.stopping import StopTables


class Draw:
    """One call a step, all of it on the device."""

    def __init__(self, state: Rows, sampler: Sampler, stops: StopTables) -> None:
        self._state, self._sampler, self._stops = state, sampler, stops

    @property
    def version(self) -> tuple[int, int]:
        """Changes when a graph over a draw has to be captured again."""
        table = self._stops.table
        return table.data_ptr(), len(table)

    def __call__(self, rows: Tensor, logits: Tensor, real: int) -> Tensor:
        """rows [R], logits [R, V]; the first `real` rows are written, the others are padding.

        Returns [real] bool: which rows have ended, now or before.
        """
        state = self._state
        count = state.count[rows]  # [R]
        tokens, raw, processed = self._sampler.draw(logits, state.stream[rows], count)
        rows, count, tokens = rows[:real], count[:real], tokens[:real]  # [n]
        state.ids[rows, count] = tokens
        state.raw[rows, count] = raw[:real]
        state.processed[rows, count] = processed[:real]
        stop, ends = self._stops.step(state.stop[rows], tokens)
        count = count + 1
        # Logits that hold nan or nothing finite have no probabilities: the sequence has failed.
        ends = ends | (count >= state.limit[rows]) | raw[:real].isnan()
        ended = state.ended[rows]
        ended = torch.where(ends & (ended == 0), count, ended)
        state.token[rows], state.count[rows] = tokens, count
        state.stop[rows], state.ended[rows] = stop, ended
        return ended > 0
