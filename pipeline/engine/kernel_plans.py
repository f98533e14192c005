"""Decode steps on an NVIDIA GPU: plans for `kernels.prefix_tree_attention.decode`."""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention import Branch, Segment
from kernels.prefix_tree_attention.candidates import Chip, candidates
from kernels.prefix_tree_attention.choice import Choice, Parts, Shape
from kernels.prefix_tree_attention.choose import chip_of, explained
from kernels.prefix_tree_attention.workload import Workload, workload
from pipeline.engine.architecture import Architecture
from pipeline.engine.planning import RowsOfPath

if TYPE_CHECKING:  # it needs Triton
    from kernels.prefix_tree_attention.decode import DecodePlan

NEAR = 1.0  # doublings within which a workload keeps the choice of another
KEPT = 4.0  # the same among steps of one height: each further choice has a graph captured
LEAST_PAGE = 8  # keys: with smaller pages the kernels read more addresses than keys
FLOAT32 = Parts(tile=16, block=16, stages=2, own_block=16, own_stages=1, own_warps=4)


@dataclass(frozen=True, slots=True)
class KernelStep:
    """What the rows of one decode step attend to, for every layer."""

    plans: KernelPlans
    lengths: Tensor  # [R] int32 own keys, the current token's included
    pages: Tensor  # [R, J] int32 first slot of each own page

    def attend(self, q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
        """See `kernels.prefix_tree_attention.decode.decode_attention`."""
        from kernels.prefix_tree_attention.decode import decode_attention

        plan = self.plans.plain if window is None else self.plans.windowed
        assert plan is not None  # the architecture has said which windows there are
        return decode_attention(q, k, v, plan, self.lengths, self.pages, scale, window=window)


@dataclass(frozen=True, slots=True)
class Choices:
    """The kernels of a step's layers."""

    plain: Choice | None  # of layers that see everything
    windowed: Choice | None  # of those with a sliding window


class Choosing(Protocol):
    """Who says which kernels a step takes."""

    @property
    def chip(self) -> Chip: ...

    def choices(
        self, shape: Shape, paths: Sequence[RowsOfPath], own: int, architecture: Architecture,
        dtype: torch.dtype,
    ) -> Choices:  # fmt: skip
        """own: slots that a row has of its own."""


class Chooser:
    """Choices of one run. A workload near an earlier one gets its choice, because each new one may
    have kernels compiled, which takes seconds, and has a graph captured."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self._made: list[tuple[Workload, Choice]] = []
        self._of_height: dict[int, list[tuple[Workload, Choice]]] = defaultdict(list)

    def choice(self, work: Workload) -> Choice:
        same = self._of_height[work.rows]
        choice = _near(work, same, KEPT)
        if choice is None:
            choice = _near(work, self._made, NEAR)
            if choice is None:
                choice, _ = explained(work, self.chip)
                self._made.append((work, choice))
            same.append((work, choice))
        return choice

    def choices(
        self, shape: Shape, paths: Sequence[RowsOfPath], own: int, architecture: Architecture,
        dtype: torch.dtype,
    ) -> Choices:  # fmt: skip
        """own: slots that a row has of its own."""
        segments, branches = tree_of(paths)
        # On average a row is half way through its own slots.
        work = workload(shape, segments, branches, own / 2)
        simple = next(c for c in candidates(work, self.chip) if isinstance(c, Parts))
        if dtype == torch.float32:  # tiles are twice as large, and tensor cores do not take them
            simple = FLOAT32
        windows = architecture.windows
        windowed = simple if any(window is not None for window in windows) else None
        plain: Choice | None = None
        if any(window is None for window in windows):
            plain = simple if dtype == torch.float32 else self.choice(work)
        return Choices(plain, windowed)


def _near(work: Workload, known: Sequence[tuple[Workload, Choice]], within: float) -> Choice | None:
    """The choice of the nearest workload that is less than so many doublings away."""
    found = [
        (distance, choice)
        for other, choice in known
        if (distance := work.distance(other)) is not None and distance < within
    ]
    return min(found, key=lambda pair: pair[0])[1] if found else None


class KernelPlans:
    """Plans of steps of one shape: one for layers that see everything, one for those with windows.

    They are rewritten in place; `version` changes when a graph over them has to be captured again.
    """

    def __init__(
        self, chip: Chip, shape: Shape, choices: Choices, dtype: torch.dtype, device: torch.device
    ) -> None:
        from kernels.prefix_tree_attention.decode import decode_plan

        def plan(choice: Choice | None) -> DecodePlan | None:
            if choice is None:
                return None
            return decode_plan(shape, choice, device, chip.multiprocessors, dtype)

        self.windowed = plan(choices.windowed)
        self.plain = self.windowed if choices.plain == choices.windowed else plan(choices.plain)

    @property
    def _plans(self) -> list[DecodePlan]:
        both = [self.plain] if self.plain is self.windowed else [self.plain, self.windowed]
        return [plan for plan in both if plan is not None]

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(plan.version for plan in self._plans)

    def update(self, paths: Sequence[RowsOfPath]) -> None:
        """paths: rows of the step and their runs of slots."""
        segments, branches = tree_of(paths)
        for plan in self._plans:
            version = plan.version
            plan.update(segments, branches)
            if plan.version != version:  # room for what comes, so that it seldom grows
                plan.double()
                plan.update(segments, branches)

    def reserve(self, trees: Sequence[Sequence[RowsOfPath]]) -> None:
        """Room for trees like these, and twice as much; takes the last one."""
        for plan in self._plans:
            for paths in trees:
                plan.update(*tree_of(paths))
            plan.double()
            plan.update(*tree_of(trees[-1]))

    def step(self, lengths: Tensor, pages: Tensor) -> KernelStep:
        """lengths: [R] int32 own tokens of each row; pages: [R, J] int32 first slots."""
        for plan in self._plans:
            plan.step(lengths, pages)
        return KernelStep(self, lengths, pages)


def shape_of(architecture: Architecture, rows: int, page: int, own: int) -> Shape:
    """Of a step of that many rows with up to `own` slots each, in pages of `page`."""
    a = architecture
    return Shape(rows, a.heads, a.kv_heads, a.head_dim, page, -(-own // page))


def chip_for(device: torch.device, page: int) -> Chip | None:
    """The chip, where the kernels run on that device with pages of that many keys."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return None
    if importlib.util.find_spec("triton") is None or page < LEAST_PAGE or page & (page - 1):
        return None
    return chip_of(device)


def tree_of(paths: Sequence[RowsOfPath]) -> tuple[list[Segment], list[Branch]]:
    """Segments and branches of rows whose paths are runs of slots; runs of two paths are one
    segment where they begin at the same slot."""
    segments: list[Segment] = []
    index: dict[int, int] = {}
    branches = []
    for path in paths:
        position = 0
        named = []
        for start, length in path.runs:
            if start not in index:
                index[start] = len(segments)
                segments.append(Segment(start, length, position))
            named.append(index[start])
            position += length
        branches.append(Branch(np.asarray(path.rows), tuple(named)))
    return segments, branches
