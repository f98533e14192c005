"""Drawing tokens: filters, one uniform a token, log-probabilities. Vectorised, on the device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.engine.philox import uniform


@dataclass(frozen=True, slots=True)
class Sampler:
    """The order is: temperature, top-k, top-p, min-p; then the inverse CDF of what is left.

    temperature 0 is greedy. top_k keeps the k likeliest tokens, and those that tie with the last
    of them. top_p keeps the likeliest tokens until their mass, after top-k, reaches p (arXiv
    1904.09751), with ties. min_p keeps tokens at least min_p times as likely as the likeliest
    (arXiv 2407.01082).
    """

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    banned: Tensor | None  # [V] bool: ids that have no text (padding of the vocabulary)

    def filtered(self, logits: Tensor) -> Tensor:
        """logits [R, V] float32 -> scaled logits with -inf where a filter removed the token."""
        x = logits
        if self.banned is not None:
            x = x.masked_fill(self.banned, -torch.inf)
        if self.temperature == 0:
            return x
        x = x / self.temperature
        if self.top_k is not None and self.top_k < x.shape[-1]:
            least = x.topk(self.top_k, dim=-1).values[:, -1:]  # [R, 1]
            x = x.masked_fill(x < least, -torch.inf)
        if self.top_p is not None and self.top_p < 1:
            x = self._nucleus(x, self.top_p)
        if self.min_p is not None:
            least = x.amax(-1, keepdim=True) + math.log(self.min_p)
            x = x.masked_fill(x < least, -torch.inf)
        return x

    def _nucleus(self, x: Tensor, mass: float) -> Tensor:
        if self.top_k is not None and self.top_k < x.shape[-1]:
            # No more than k are left (but for ties, which the threshold below keeps).
            ordered = x.topk(self.top_k, dim=-1).values  # [R, k]
        else:
            ordered = x.sort(dim=-1, descending=True).values  # [R, V]
        p = (ordered - x.logsumexp(-1, keepdim=True)).exp()
        before = p.cumsum(-1, dtype=torch.float64) - p  # mass of likelier tokens
        kept = (before < mass).sum(-1, keepdim=True).clamp_min(1)  # [R, 1]
        return x.masked_fill(x < ordered.gather(-1, kept - 1), -torch.inf)

    def draw(
        self, logits: Tensor, streams: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """logits [R, V] float32, streams [R, 4], positions [R] (index of the generated token).

        Returns tokens [R] int64 and the natural log of their probability, [R] float32 each: in
        the model's own distribution, and in the one drawn from (0 when greedy).
        """
        x = self.filtered(logits)
        if self.temperature == 0:
            tokens = x.argmax(-1)
            processed = torch.zeros_like(logits[:, 0])
        else:
            p = x.softmax(-1)
            cdf = p.cumsum(-1, dtype=torch.float64)  # [R, V]
            target = uniform(streams, positions)[:, None] * cdf[:, -1:]
            # The first entry above the target: a token of probability 0 is never it.
            tokens = torch.searchsorted(cdf, target, right=True).squeeze(1)
            tokens = tokens.clamp_max(logits.shape[-1] - 1)  # of nan, which is above everything
            processed = _log_probability(x, tokens)
        return tokens, _log_probability(logits, tokens), processed


def _log_probability(x: Tensor, tokens: Tensor) -> Tensor:
    return x.gather(-1, tokens[:, None]).squeeze(1) - x.logsumexp(-1)
