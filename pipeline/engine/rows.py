"""State of the sequences being decoded, on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.engine.arena import TRASH


class Rows:
    """State of the sequences being decoded, on the device. The last row is padding's."""

    def __init__(self, rows: int, max_new_tokens: int, device: torch.device) -> None:
        def zeros(*shape: int, dtype: torch.dtype = torch.int64) -> Tensor:
            return torch.zeros((rows + 1, *shape), dtype=dtype, device=device)

        self.padding = rows
        self.token = zeros()  # [S] last token, which the next step feeds to the model
        self.prompt = zeros()  # [S] tokens of the prompt
        self.count = zeros()  # [S] tokens generated so far
        self.ended = zeros()  # [S] how many of them up to the end of the sequence; 0: not ended
        self.limit = zeros()  # [S] tokens at which the sequence ends if nothing else has ended it
        self.stop = zeros()  # [S] state of the stop automaton
        self.stream = zeros(4)  # [S, 4] random stream
        self.slots = zeros(max_new_tokens)  # [S, M] where its own keys lie
        self.ids = zeros(max_new_tokens)  # [S, M] generated tokens
        self.raw = zeros(max_new_tokens, dtype=torch.float32)  # [S, M] log-probabilities
        self.processed = zeros(max_new_tokens, dtype=torch.float32)  # [S, M]
        self.count[rows] = 1
        self.slots[rows] = TRASH

    def admit(self, new: Tensor) -> None:
        """New sequences, without own keys. new: [n, 8] int64: row, tokens of the prompt, limit,
        state of the stop automaton, random stream (4)."""
        rows = new[:, 0]
        self.prompt[rows] = new[:, 1]
        self.limit[rows] = new[:, 2]
        self.stop[rows] = new[:, 3]
        self.stream[rows] = new[:, 4:]
        # A number assigned by an index is a tensor of the host's first, whose copy waits for all
        # that the device has to do.
        self.count.index_fill_(0, rows, 0)
        self.ended.index_fill_(0, rows, 0)
