"""The shapes that are timed, and a step of each on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.choice import Choice, Shape
from kernels.prefix_tree_attention.decode import decode_attention, decode_plan
from kernels.prefix_tree_attention.tree import Branch, Ints, Segment
from kernels.prefix_tree_attention.workload import Workload

PAGE = 16
OWN = 256  # tokens of a row's own where a case does not say otherwise
LAYERS = 28  # calls for which the work before the first one is done once
LARGE = 1 << 30  # bytes of a layer from which on four calls are enough to tell its time
COLD_BYTES = 320 << 20  # copies of a step's keys and values hold at least so much together


@dataclass(frozen=True, slots=True)
class Case:
    """One decode step of one layer, bf16."""

    name: str
    heads: int
    kv_heads: int
    dim: int
    header: int  # tokens that all prompts share
    prompts: tuple[int, ...]  # tokens of each prompt, the header not counted in
    samples: int  # of each prompt
    own: tuple[int, ...]  # tokens of each row

    @property
    def rows(self) -> int:
        return len(self.own)

    @property
    def bytes(self) -> int:
        """Keys and values, those of a shared token once."""
        tokens = self.header + sum(self.prompts) + sum(self.own)
        return tokens * self.kv_heads * self.dim * 2 * 2

    @property
    def operations(self) -> int:
        """Of the two matrix products, a multiply-add as two."""
        shared = self.samples * (self.header * len(self.prompts) + sum(self.prompts))
        return 4 * self.heads * self.dim * (shared + sum(self.own))

    @property
    def workload(self) -> Workload:
        stored = self.header + sum(self.prompts)
        return Workload(
            self.heads, self.kv_heads, self.dim, self.rows,
            self.header + sum(self.prompts) / len(self.prompts), stored, sum(self.own) / self.rows,
        )  # fmt: skip


def ragged(
    heads: int, kv_heads: int, problems: int, samples: int, header: int = 0, seed: int = 0
) -> Case:
    """Prompts of 64 to 512 tokens, own lengths of 1 to 256, both uniform."""
    random = np.random.default_rng(seed)
    return Case(
        f"{heads}/{kv_heads} {problems}x{samples}" + (f" header {header}" if header else ""),
        heads, kv_heads, 128, header,
        tuple(random.integers(64, 513, problems).tolist()), samples,
        tuple(random.integers(1, 257, problems * samples).tolist()),
    )  # fmt: skip


def uniform(kv_heads: int, prefix: int, rows: int, own: int = OWN, heads: int = 32) -> Case:
    """One prompt, every row of the same own length."""
    kind = "MHA" if kv_heads == heads else f"GQA {heads}/{kv_heads}"
    name = f"{kind} P{prefix} b{rows}" + ("" if own == OWN else f" own {own}")
    return Case(name, heads, kv_heads, 128, 0, (prefix,), rows, (own,) * rows)


RAGGED = [
    ragged(heads, kv_heads, problems, samples)
    for heads, kv_heads in ((12, 2), (32, 8), (32, 32))
    for problems, samples in ((8, 32), (8, 200), (32, 64), (64, 32), (64, 128))
]
UNIFORM = [
    uniform(kv_heads, prefix, rows)
    for kv_heads in (8, 32)
    for prefix in (2048, 8192, 32768)
    for rows in (16, 64, 256, 1024)
]
SHORT = [uniform(kv_heads, 8192, rows, 64) for kv_heads in (8, 32) for rows in (16, 64, 256, 1024)]
# One prompt of the length of a code model's, heads of a model of 1.5B.
CODE = [uniform(2, 512, rows, 64, heads=12) for rows in (16, 64, 256, 1024)]
DEEP = [ragged(12, 2, 32, 64, header=1500), ragged(32, 8, 32, 64, header=1500)]


class Step:
    """A case on the device: layers enough that none is in a cache when its turn comes."""

    def __init__(self, case: Case, device: torch.device) -> None:
        self.case = case
        generator = np.random.default_rng(1)
        lengths = np.array(case.own)
        per_row = -(-lengths // PAGE)
        self.calls = LAYERS if case.bytes < LARGE else 4
        self.shape = Shape(case.rows, case.heads, case.kv_heads, case.dim, PAGE, int(per_row.max()))
        extents = [-(-n // PAGE) * PAGE for n in (case.header, *case.prompts)]
        starts = np.concatenate([[0], np.cumsum(extents)])
        pages = starts[-1] + PAGE * generator.permutation(int(per_row.sum()))
        table = np.zeros((case.rows, self.shape.own_pages), np.int32)
        table[np.arange(self.shape.own_pages) < per_row[:, None]] = pages
        self.segments = [
            Segment(int(start), n, 0 if i == 0 else case.header)
            for i, (start, n) in enumerate(
                zip(starts[:-1], (case.header, *case.prompts), strict=True)
            )
        ]
        self.branches = [
            Branch(
                np.arange(i * case.samples, (i + 1) * case.samples, dtype=np.int64),
                (0, i + 1) if case.header else (i + 1,),
            )
            for i in range(len(case.prompts))
        ]
        self.lengths = torch.tensor(case.own, dtype=torch.int32, device=device)
        self.pages = torch.from_numpy(table).to(device)
        slots = int(starts[-1] + PAGE * per_row.sum())
        layers = max(-(-COLD_BYTES // case.bytes), 1)

        def normal(*size: int) -> Tensor:
            return torch.empty(size, dtype=torch.bfloat16, device=device).normal_()

        self.q = [normal(case.rows, case.heads, case.dim) for _ in range(layers)]
        self.k = [normal(case.kv_heads, slots, case.dim) for _ in range(layers)]
        self.v = [normal(case.kv_heads, slots, case.dim) for _ in range(layers)]
        self.scale = case.dim**-0.5

    def slots_of(self, row: int) -> Ints:
        """Slots of the keys of a row's path, in order."""
        branch = self.branches[row // self.case.samples]
        parts = [
            np.arange(self.segments[i].start, self.segments[i].start + self.segments[i].length)
            for i in branch.segments
        ]
        at = np.arange(self.case.own[row])
        own = self.pages[row].cpu().numpy()[at // PAGE] + at % PAGE
        return np.concatenate([*parts, own]).astype(np.int64)

    def planned(self, choice: Choice) -> list[Callable[[], object]]:
        """The calls of a step: what comes before the first layer, then those of `calls` layers."""
        device = self.q[0].device
        multiprocessors = torch.cuda.get_device_properties(device).multi_processor_count
        plan = decode_plan(self.shape, choice, device, multiprocessors)
        plan.update(self.segments, self.branches)
        out = torch.empty_like(self.q[0])

        def call(layer: int) -> Callable[[], object]:
            return lambda: decode_attention(
                self.q[layer], self.k[layer], self.v[layer], plan, self.lengths, self.pages,
                self.scale, out=out,
            )  # fmt: skip

        first = [lambda: plan.step(self.lengths, self.pages)]
        return [*first, *(call(i % len(self.q)) for i in range(self.calls))]
