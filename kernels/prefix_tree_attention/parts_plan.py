"""The plan of shared and own part on the device, and their launches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kernels.early_start import launched, starts_early
from kernels.prefix_tree_attention.choice import Parts, Shape, power_of_two
from kernels.prefix_tree_attention.fixed_work import plan_fixed
from kernels.prefix_tree_attention.options import Options
from kernels.prefix_tree_attention.tree import Branch, Segment, put
from kernels.prefix_tree_attention.triton_kernels.merge import merge
from kernels.prefix_tree_attention.triton_kernels.own_part import own_part
from kernels.prefix_tree_attention.triton_kernels.shared_part import shared_part
from kernels.prefix_tree_attention.wide import WIDE_DIMS, WIDE_TILE, launch_wide
from kernels.prefix_tree_attention.work import WORK_COLUMNS, Work, plan_balanced

MERGED_HEADS = 8  # heads a program of the merge
# Partials of a row that a plan which grows has room for at least: those of short prompts, whose
# number changes most, take little memory.
COLUMNS = 12


class PartsPlan:
    """Which shared keys each row of a step attends to; the same for every layer.

    Its partials are one layer's at a time, so calls with one plan follow each other on one stream.
    `update` rewrites the tensors in place: graphs captured over this plan follow. It replaces those
    that are too small, which such graphs do not survive (`version` grows); `reserve` says how large
    they shall be from the start.
    """

    def __init__(
        self, shape: Shape, choice: Parts, device: torch.device, multiprocessors: int,
        dtype: torch.dtype,
    ) -> None:  # fmt: skip
        """multiprocessors: of the device; any number will do for the interpreter. dtype: of q."""
        self.shape, self.choice, self.device = shape, choice, device
        self.multiprocessors = multiprocessors
        self.own_splits = max(-(-shape.own_pages * shape.page // choice.own_split), 1)
        # Whether the own part leaves partials too, for the merge; otherwise it merges itself.
        self.apart = choice.side_by_side or self.own_splits > 1
        self.columns = 0  # partials a row has of shared segments, at most
        self.version = 0
        # A partial is normalised by its largest value, so fp16 holds it as exactly as fp32 for
        # results that are rounded to bf16.
        self._partial_dtype = torch.float16 if dtype == torch.bfloat16 else torch.float32
        self.count = self._ints(1)  # items in use
        self.depths, self.bases = self._ints(shape.rows), self._ints(shape.rows)  # see `work.Work`
        # [R, G] (row, head) pairs whose partials the shared part has written in a launch under way
        self.ready = self._ints(shape.rows, shape.kv_heads)
        self.items, self.row_list = self._ints(0, len(WORK_COLUMNS)), self._ints(0)  # [I, 8], [E]
        self.listed = self._ints(0)  # [L] slots of keys; see `work.Work`
        self.reserve(1, 1, 1, 1)

    def _ints(self, *size: int) -> Tensor:
        return torch.zeros(size, dtype=torch.int32, device=self.device)

    @property
    def _programs(self) -> int:
        """Of the shared part, at most."""
        return int(self.choice.programs * self.multiprocessors)

    def reserve(self, items: int, entries: int, columns: int, listed: int = 0) -> None:
        """Room for that many items, entries of the row list, partials of a row, listed slots."""
        wanted = (items, entries, columns, listed)
        there = (len(self.items), len(self.row_list), self.columns, len(self.listed))
        if all(more <= room for more, room in zip(wanted, there, strict=True)):
            return
        self.version += 1
        self.items = self._ints(max(items, len(self.items)), len(WORK_COLUMNS))
        self.row_list = self._ints(max(entries, len(self.row_list)))
        self.listed = self._ints(max(listed, len(self.listed)))
        self.columns = max(columns, self.columns)
        s = self.shape
        rows = (s.rows, self.columns + (self.own_splits if self.apart else 0), s.heads)
        # Partials of all rows, divided by their largest value [.., D]; log-sum-exp and that value.
        self.partial = torch.empty((*rows, s.dim), dtype=self._partial_dtype, device=self.device)
        self.lse = torch.empty((*rows, 2), device=self.device)

    def double(self) -> None:
        """Twice the room that there is."""
        columns = max(2 * self.columns, COLUMNS)
        self.reserve(2 * len(self.items), 2 * len(self.row_list), columns, 2 * len(self.listed))

    def update(self, segments: Sequence[Segment], branches: Sequence[Branch]) -> None:
        """Takes a new tree. Raises ValueError where it is none; see `flat_tree`."""
        work = self._work(segments, branches)
        self.reserve(len(work.items), len(work.row_list), work.columns, len(work.listed))
        put(self.items, work.items)
        put(self.row_list, work.row_list)
        put(self.listed, work.listed)
        put(self.depths, work.depths)
        put(self.bases, work.bases)
        put(self.count, np.array([len(work.items)], np.int32))

    def _work(self, segments: Sequence[Segment], branches: Sequence[Branch]) -> Work:
        s, c = self.shape, self.choice
        if c.chunk is None:
            return plan_balanced(
                segments, branches, s.rows, s.kv_heads, s.share, c.tile, c.block,
                self._programs, c.least,
            )  # fmt: skip
        return plan_fixed(segments, branches, s.rows, s.kv_heads, s.share, c.tile, c.block, c.chunk)

    def step(self, lengths: Tensor, pages: Tensor) -> None:
        """Nothing is to be done before a step's first layer."""

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, pages: Tensor, out: Tensor,
        options: Options,
    ) -> None:  # fmt: skip
        """See `decode.decode_attention`."""
        if not (self.choice.side_by_side and q.is_cuda):
            early = not self.apart and starts_early(q.device)
            self._shared(q, k, v, lengths, options, early)
            self._own(q, k, v, lengths, pages, out, options, early)
        else:
            # The shared part first and on a stream of high priority: its programs are few and long.
            here, side = torch.cuda.current_stream(q.device), _side_stream(q.device)
            side.wait_stream(here)
            with torch.cuda.stream(side):
                self._shared(q, k, v, lengths, options, False)
            self._own(q, k, v, lengths, pages, out, options, False)
            here.wait_stream(side)
        if self.apart:
            self._merge(out, options)

    def _shared(
        self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, options: Options, early: bool
    ) -> None:
        c, s = self.choice, self.shape
        programs = min(self._programs, len(self.items))
        if c.wide and self._wide_can(q, k, options):
            launch_wide(
                (programs,), q, k, v, self.partial, self.lse, self.items, self.count,
                self.row_list, self.ready, options.scale, s, c, early,
            )  # fmt: skip
            return
        listed = c.chunk is not None
        # Triton gives half of the stages to the slots, which the keys' addresses come from.
        stages = 2 * c.stages - 1 if listed else c.stages
        shared_part[(programs,)](
            q, k, v, self.partial, self.lse, self.items, self.count, self.row_list, self.listed,
            self.bases, lengths, self.ready, options.scale, options.cap, q.stride(0), k.stride(0),
            k.stride(1), self.lse.shape[1], **self._constants(options), WINDOW=options.window or 0,
            BM=c.tile, BN=c.block, STAGES=stages, LISTED=listed, EARLY=early,
            num_warps=c.warps,
        )  # fmt: skip

    def _wide_can(self, q: Tensor, k: Tensor, options: Options) -> bool:
        plain = options.window is None and options.softcap is None
        hopper = q.is_cuda and torch.cuda.get_device_capability(q.device)[0] == 9
        fits = self.choice.tile == WIDE_TILE and self.shape.dim in WIDE_DIMS
        return plain and hopper and fits and q.element_size() == 2 and k.is_contiguous()

    def _own(
        self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, pages: Tensor, out: Tensor,
        options: Options, early: bool,
    ) -> None:  # fmt: skip
        c, s = self.choice, self.shape
        own_part[(s.rows * s.kv_heads, self.own_splits)](
            q, k, v, self.partial, self.lse, out, lengths, pages, self.depths, self.ready,
            options.sinks_or(q), options.scale, options.cap, q.stride(0), out.stride(0),
            k.stride(0), k.stride(1), pages.stride(0), self.lse.shape[1], self.columns,
            c.own_split, **self._constants(options), WINDOW=options.window or 0, PAGE=s.page,
            BM=max(16, power_of_two(s.share)), BN=c.own_block,
            # Triton gives half of the stages to the pages, which the keys' addresses come from.
            STAGES=2 * c.own_stages + 1, SINKS=options.sinks is not None,
            MERGE=not self.apart, WAIT=early, num_warps=c.own_warps, **launched(early),
        )  # fmt: skip

    def _merge(self, out: Tensor, options: Options) -> None:
        s = self.shape
        heads = min(MERGED_HEADS, power_of_two(s.heads))
        merge[(s.rows, -(-s.heads // heads))](
            self.partial, self.lse, out, self.depths, options.sinks_or(out), out.stride(0),
            self.lse.shape[1], self.columns, self.own_splits, HEADS=s.heads, DIM=s.dim,
            WIDE=s.wide, BH=heads, SINKS=options.sinks is not None, num_warps=4,
        )  # fmt: skip

    def _constants(self, options: Options) -> dict[str, Any]:
        s = self.shape
        return {
            "HEADS": s.heads, "GROUPS": s.kv_heads, "DIM": s.dim, "WIDE": s.wide,
            "SOFTCAP": options.softcap is not None,
        }  # fmt: skip


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]  # torch has no types
