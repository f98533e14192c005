"""Random prompts over random trees for tests of prefill attention, and float64 attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.tree_prefill.attention import PrefillPlan, Tiles
from kernels.tree_prefill.plan import Ints, Path


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts that share headers, in an arena."""

    q: list[Tensor]  # of each prompt: [n, H, D], a token that two share has the same query
    k: Tensor  # [G, N, D]
    v: Tensor  # [G, N, D]
    slots: list[Ints]  # of each prompt: [n]

    def attended(
        self, parts: list[tuple[int, int, int]], tiles: Tiles, window: int | None = None,
        softcap: float | None = None, sinks: Tensor | None = None,
    ) -> list[Tensor]:  # fmt: skip
        """Tokens start..stop of prompts, each a (prompt, start, stop), in one pass."""
        _, heads, dim = self.q[0].shape
        paths = [Path(self.slots[i][:stop], stop - start) for i, start, stop in parts]
        plan = PrefillPlan(paths, heads, self.k.shape[0], dim, tiles, self.k.device)
        q = torch.cat([self.q[i][start:stop] for i, start, stop in parts])
        out = plan.attend(q, self.k, self.v, dim**-0.5, window, softcap, sinks)
        return list(out.split([stop - start for _, start, stop in parts]))

    def expected(
        self, prompt: int, window: int | None = None, softcap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """[n, H, D] float64 of all tokens of a prompt."""
        q, at = self.q[prompt].double(), torch.from_numpy(self.slots[prompt]).to(self.k.device)
        share = q.shape[1] // self.k.shape[0]
        keys, values = (x[:, at].double().repeat_interleave(share, 0) for x in (self.k, self.v))
        scores = torch.einsum("qhd,hnd->hqn", q, keys) * q.shape[2] ** -0.5
        if softcap is not None:
            scores = softcap * torch.tanh(scores / softcap)
        position = torch.arange(len(at), device=at.device)
        distance = position[:, None] - position
        hidden = (distance < 0) | (distance >= (window or len(at)))
        scores = scores.masked_fill(hidden, -torch.inf)
        if sinks is not None:
            extra = sinks.double()[:, None, None].expand(-1, len(at), 1)
            scores = torch.cat([scores, extra], -1)
        weights = scores.softmax(-1)[..., : len(at)]
        return torch.einsum("hqn,hnd->qhd", weights, values)


def prompts(
    seed: int, lengths: list[int], shared: list[int], heads: int, kv_heads: int, dim: int,
    device: str, dtype: torch.dtype = torch.float32, page: int = 4,
) -> Prompts:  # fmt: skip
    """shared: tokens that a prompt has in common with the one before, at most."""
    random = np.random.default_rng(seed)
    extents = random.permutation(len(lengths))
    room = -(-max(lengths) // page) * page + page
    slots: list[Ints] = []
    for i, length in enumerate(lengths):
        common = min(shared[i], length - 1, lengths[i - 1] - 1) if i else 0
        own = 2 + extents[i] * room + np.arange(length - common)
        slots.append(np.concatenate([slots[i - 1][:common] if i else own[:0], own]))
    size = 2 + room * len(lengths)
    generator = torch.Generator(device).manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    queries = normal(size, heads, dim)  # by slot
    return Prompts(
        [queries[torch.from_numpy(s).to(device)] for s in slots], normal(kv_heads, size, dim),
        normal(kv_heads, size, dim), slots,
    )  # fmt: skip
