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

    def admit(
        self, rows: Tensor, prompt: Tensor, limit: Tensor, stop: Tensor, stream: Tensor,
        slots: Tensor,
    ) -> None:  # fmt: skip
        """New sequences into rows [n]: prompt, limit, stop [n], stream [n, 4], slots [n, M]."""
        self.prompt[rows] = prompt
        self.limit[rows] = limit
        self.stop[rows] = stop
        self.stream[rows] = stream
        self.slots[rows] = slots
        self.count[rows] = 0
        self.ended[rows] = 0
