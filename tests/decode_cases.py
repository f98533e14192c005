"""Random trees for tests of decode attention, and what it must give: plain attention in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.prefix_tree_attention.choice import Choice, Shape
from kernels.prefix_tree_attention.decode import DecodePlan, decode_attention, decode_plan
from kernels.prefix_tree_attention.tree import Branch, Segment


@dataclass(frozen=True, slots=True)
class Inputs:
    """One step over a random tree."""

    q: Tensor  # [R, H, D]
    k: Tensor  # [G, N, D]
    v: Tensor  # [G, N, D]
    segments: list[Segment]
    branches: list[Branch]
    lengths: Tensor  # [R] int32
    pages: Tensor  # [R, J] int32
    page: int
    paths: list[Tensor]  # slots of each row's keys, in order

    def run(
        self, choice: Choice, *, window: int | None = None, softcap: float | None = None,
        sinks: Tensor | None = None, plan: DecodePlan | None = None,
    ) -> Tensor:  # fmt: skip
        plan = plan or self.plan(choice)
        plan.update(self.segments, self.branches)
        plan.step(self.lengths, self.pages)
        out = torch.full_like(self.q, torch.nan)
        return decode_attention(
            self.q, self.k, self.v, plan, self.lengths, self.pages, self.scale,
            window=window, softcap=softcap, sinks=sinks, out=out,
        )  # fmt: skip

    @property
    def scale(self) -> float:
        return float(self.q.shape[2]) ** -0.5

    def plan(self, choice: Choice) -> DecodePlan:
        rows, heads, dim = self.q.shape
        shape = Shape(rows, heads, self.k.shape[0], dim, self.page, self.pages.shape[1])
        return decode_plan(shape, choice, self.q.device, 3, self.q.dtype)

    def expected(
        self, *, window: int | None = None, softcap: float | None = None,
        sinks: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """[R, H, D] float64."""
        share = self.q.shape[1] // self.k.shape[0]
        out = torch.zeros(self.q.shape, dtype=torch.float64, device=self.q.device)
        for row, path in enumerate(self.paths):
            if window is not None:
                path = path[-window:]
            k, v = (x[:, path].double().repeat_interleave(share, 0) for x in (self.k, self.v))
            scores = torch.einsum("hd,hnd->hn", self.q[row].double(), k) * self.scale
            if softcap is not None:
                scores = softcap * torch.tanh(scores / softcap)
            if sinks is not None:
                scores = torch.cat([scores, sinks.double()[:, None]], 1)
                v = F.pad(v, (0, 0, 0, 1))
            if scores.shape[1]:
                out[row] = torch.einsum("hn,hnd->hd", scores.softmax(-1), v)
        return out

    def sdpa(self) -> Tensor:
        """[R, H, D]: what PyTorch's attention gives for each row alone, in the inputs' dtype."""
        share = self.q.shape[1] // self.k.shape[0]
        out = torch.zeros_like(self.q)
        for row, path in enumerate(self.paths):
            k, v = (x[:, path].repeat_interleave(share, 0)[None] for x in (self.k, self.v))
            q = self.q[row][None, :, None]
            out[row] = F.scaled_dot_product_attention(q, k, v)[0, :, 0]
        return out


def relative_error(result: Tensor, expected: Tensor) -> float:
    return float((result.double() - expected).norm() / expected.norm())


def inputs(
    seed: int, *, rows: int, heads: int, kv_heads: int, dim: int, page: int = 4,
    dtype: torch.dtype = torch.float32, device: str = "cpu", longest: int = 40,
    longest_own: int = 20, depth: int = 4,
) -> Inputs:  # fmt: skip
    """A random tree: a segment hangs below an earlier one or the root, rows below any or none."""
    random = np.random.default_rng(seed)
    generator = torch.Generator(device).manual_seed(seed)
    segments: list[Segment] = []
    paths: list[tuple[int, ...]] = [()]
    at = 0
    for index in range(int(random.integers(0, 6))):
        above = paths[int(random.integers(0, len(paths)))][: depth - 1]
        end = segments[above[-1]].position + segments[above[-1]].length if above else 0
        segments.append(Segment(at, int(random.integers(1, longest + 1)), end))
        at += segments[-1].length + int(random.integers(0, 5))
        paths.append((*above, index))
    choice = random.integers(0, len(paths), rows)
    branches = [
        Branch(np.flatnonzero(choice == i), path)
        for i, path in enumerate(paths)
        if (choice == i).any()
    ]
    lengths = random.integers(0, longest_own + 1, rows)
    lengths[0] = max(lengths[0], 1)  # one row at least sees something
    own_pages = -(-longest_own // page)
    pages = at + page * random.permutation(rows * own_pages).reshape(rows, own_pages)
    slots = at + page * rows * own_pages
    tokens = []
    for row in range(rows):
        shared = [
            np.arange(segments[i].start, segments[i].start + segments[i].length)
            for i in paths[choice[row]]
        ]
        own = np.arange(lengths[row])
        tokens.append(np.concatenate([*shared, pages[row][own // page] + own % page]))

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, device=device).to(dtype)

    return Inputs(
        normal(rows, heads, dim) * 2, normal(kv_heads, slots, dim), normal(kv_heads, slots, dim),
        segments, branches,
        torch.from_numpy(lengths).int().to(device), torch.from_numpy(pages).int().to(device), page,
        [torch.from_numpy(t.astype(np.int64)).to(device) for t in tokens],
    )  # fmt: skip
