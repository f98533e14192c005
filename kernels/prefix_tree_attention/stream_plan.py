"""The plan of the one-pass kernel: for each tile of rows the list of its keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kernels.prefix_tree_attention.choice import Shape, Stream, power_of_two
from kernels.prefix_tree_attention.options import Options
from kernels.prefix_tree_attention.tree import Branch, Ints, Segment, put, rows_below
from kernels.prefix_tree_attention.triton_kernels.stream_part import own_entries, stream

ENTRY = 16  # keys an entry has at most; fewer where pages are smaller


class StreamPlan:
    """Entries of each tile (see `triton_kernels.stream_part`), own ones rewritten every step.

    A tile is `members` rows next to each other in the tree's order; a segment's entries name the
    members below it. `update` and `version`: as in `parts_plan.PartsPlan`.
    """

    def __init__(self, shape: Shape, choice: Stream, device: torch.device) -> None:
        """Raises ValueError where a step of the kernel is not whole entries."""
        self.shape, self.choice = shape, choice
        self.entry = min(ENTRY, shape.page)
        if choice.block % self.entry:
            raise ValueError(f"a block of {choice.block} keys is not whole entries of {self.entry}")
        self.tiles = -(-shape.rows // choice.members)
        # Own entries end where the shared ones begin.
        self.boundary = choice.members * (-(-shape.own_pages * shape.page // self.entry))
        self.version = 0
        self.members = torch.full(
            (self.tiles, choice.members), -1, dtype=torch.int32, device=device
        )  # [T, M] rows
        # [T, 3]: first entry in use, end of the entries in use, end of the own ones
        self.spans = torch.zeros((self.tiles, 3), dtype=torch.int32, device=device)
        self.entries = torch.zeros((self.tiles, 0), dtype=torch.int64, device=device)
        self.reserve(1)

    def reserve(self, shared: int) -> None:
        """Room for that many entries of shared segments in each tile."""
        if self.boundary + shared > self.entries.shape[1]:
            self.version += 1
            size = (self.tiles, self.boundary + shared)
            self.entries = torch.zeros(size, dtype=torch.int64, device=self.entries.device)

    def double(self) -> None:
        """Twice the room that there is."""
        self.reserve(2 * (self.entries.shape[1] - self.boundary))

    def update(self, segments: Sequence[Segment], branches: Sequence[Branch]) -> None:
        """Takes a new tree. Raises ValueError where it is none."""
        rows_below(segments, branches)  # checks them
        order = [b for b in sorted(branches, key=lambda b: b.segments) if len(b.rows)]
        named = np.concatenate([b.rows for b in order] or [np.zeros(0, np.int64)])
        if len(named) and not 0 <= named.min() <= named.max() < self.shape.rows:
            raise ValueError(f"rows of a branch are outside 0..{self.shape.rows - 1}")
        rest = np.setdiff1d(np.arange(self.shape.rows), named)
        width = self.choice.members
        members = np.full(self.tiles * width, -1, np.int32)
        members[: self.shape.rows] = np.concatenate([named, rest])
        known: dict[tuple[int, int, int], Ints] = {}  # most tiles see their segments whole
        tiles = []
        for seen in _members_of_segments(order, self.tiles, width):
            parts = [np.zeros(0, np.int64)]
            for index, (first, count) in seen.items():
                key = index, first, count
                if key not in known:
                    known[key] = self._entries(segments[index], first, count)
                parts.append(known[key])
            tiles.append(np.concatenate(parts))
        longest = max(len(tile) for tile in tiles)
        self.reserve(longest)
        entries = np.zeros((self.tiles, longest), np.int64)
        for row, tile in zip(entries, tiles, strict=True):
            row[: len(tile)] = tile
        spans = np.full((self.tiles, 3), self.boundary, np.int32)
        spans[:, 1] += np.array([len(tile) for tile in tiles])
        put(self.members, members.reshape(self.tiles, width))
        put(self.spans, spans)
        put(self.entries[:, self.boundary : self.boundary + longest], entries)

    def _entries(self, segment: Segment, first: int, count: int) -> Ints:
        """Entries of a segment that `count` members see, from the `first` on."""
        at = np.arange(0, segment.length, self.entry)
        keys = np.minimum(segment.length - at, self.entry)
        return (segment.start + at) | ((first | (count << 8) | (keys << 16)) << 32)

    def step(self, lengths: Tensor, pages: Tensor) -> None:
        """Writes the entries of the rows' own keys: once before a step's first layer."""
        width = self.choice.members
        own_entries[(self.tiles, width)](
            self.entries, self.spans, self.members, lengths, pages, self.entries.shape[1],
            pages.stride(0), MEMBERS=width, WIDTH=power_of_two(width), PAGE=self.shape.page,
            ENTRY=self.entry, AT_ONCE=32, num_warps=1,
        )  # fmt: skip

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, pages: Tensor, out: Tensor,
        options: Options,
    ) -> None:  # fmt: skip
        """See `decode.decode_attention`. Raises ValueError for a sliding window."""
        if options.window is not None:
            raise ValueError("a stream of keys has no sliding windows; choose `Parts`")
        s, c = self.shape, self.choice
        stream[(self.tiles * s.kv_heads,)](
            q, k, v, out, self.entries, self.spans, self.members, options.sinks_or(q),
            options.scale, options.cap, q.stride(0), out.stride(0), k.stride(0), k.stride(1),
            self.entries.shape[1], HEADS=s.heads, GROUPS=s.kv_heads, DIM=s.dim, WIDE=s.wide,
            MEMBERS=c.members, ENTRY=self.entry, BM=max(16, power_of_two(c.members * s.share)),
            # Triton gives half of the stages to the entries, which the keys' addresses come from.
            BN=c.block, STAGES=2 * c.stages + 1, SOFTCAP=options.softcap is not None,
            SINKS=options.sinks is not None, num_warps=c.warps,
        )  # fmt: skip


def _members_of_segments(
    order: Sequence[Branch], tiles: int, width: int
) -> list[dict[int, tuple[int, int]]]:
    """For each tile of `width` rows its segments, and of each the first member and how many."""
    seen: list[dict[int, tuple[int, int]]] = [{} for _ in range(tiles)]
    at = 0
    for branch in order:
        end = at + len(branch.rows)
        while at < end:
            tile, first = divmod(at, width)
            count = min(end - at, width - first)
            for index in branch.segments:
                start, before = seen[tile].get(index, (first, 0))
                seen[tile][index] = (start, before + count)
            at += count
    return seen
